"""skops files: a zip file of a schema, which names classes and functions, and of arrays beside it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO

from validation.scanning.pickles.globals import is_held
from validation.scanning.pickles.guards import is_distribution, is_plain_distribution, is_watched
from validation.scanning.pickles.literals import ARRAY_INTERFACES
from validation.scanning.pickles.scan import judge_globals
from validation.scanning.pickles.values import Record
from validation.scanning.report import Budget, FileReport, Unsafe

SCHEMA = "schema.json"
_MAX_SCHEMA = 64 * 1024**2
# The nodes that hold data or objects of a named class. Not here: methods and operators, which bind callables by a bare
# name.
_NODES = frozenset(
    {
        "BytearrayNode",
        "BytesNode",
        "CachedNode",
        "ConstructorFromReduceNode",
        "DTypeNode",
        "DefaultDictNode",
        "DictNode",
        "FunctionNode",
        "JsonNode",
        "ListNode",
        "LossNode",
        "MaskedArrayNode",
        "NdArrayNode",
        "ObjectNode",
        "PartialNode",
        "QuantileForestNode",
        "RandomGeneratorNode",
        "RandomStateNode",
        "SetNode",
        "SliceNode",
        "SparseMatrixNode",
        "TreeNode",
        "TupleNode",
        "TypeNode",
    }
)
_ITEMGETTER = ("OperatorFuncNode", "itemgetter")
_SPLIT_NAMES = (("__module__", "__class__"), ("module_path", "function"))

Inner = Callable[[FileReport, BinaryIO], None]


def skops_member(inner: Inner, budget: Budget) -> Inner:
    """Return the scanner of a member of a skops file: this module scans the schema, ``inner`` other members."""

    def judge(part: FileReport, stream: BinaryIO) -> None:
        if part.name != SCHEMA:
            inner(part, stream)
            return
        try:
            _scan_schema(part, stream, budget)
        except Unsafe as error:
            part.refuse(str(error))

    return judge


def _scan_schema(report: FileReport, stream: BinaryIO, budget: Budget) -> None:
    """Judge the schema: every class and function it names must be on the allow-list."""
    report.format = "skops"
    data = stream.read(_MAX_SCHEMA + 1)
    try:
        schema = json.loads(data) if len(data) <= _MAX_SCHEMA else None
    except (ValueError, RecursionError) as error:
        raise Unsafe("its schema is not JSON") from error
    if not isinstance(schema, Mapping):
        raise Unsafe("its schema is too large, or none")
    names: set[tuple[str, str]] = set()
    identities = _Identities()
    for node in _nodes(schema, budget):
        names |= _names_of(node) | _generator_of(report, node)
        if isinstance(node.get("file"), str):
            report.data_files.add(node["file"])
        if identities.differ(node):
            report.refuse("it gives two objects one id")
        for problem in _problems_of(node):
            report.refuse(problem)
    judge_globals(report, names, budget)


def _nodes(schema: object, budget: Budget) -> Iterator[Mapping[str, Any]]:
    waiting = [schema]
    while waiting:
        node = waiting.pop()
        budget.spend_steps(1)
        if isinstance(node, Mapping):
            yield node
            waiting += node.values()
        elif isinstance(node, list):
            waiting += node


def _names_of(node: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Return the names in one node: `__module__` and `__class__`, and for functions `module_path` and `function`."""
    return {
        (node[where], node[field])
        for where, field in _SPLIT_NAMES
        if isinstance(node.get(where), str) and isinstance(node.get(field), str)
    }


def _generator_of(report: FileReport, node: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Return the name that a generator of random numbers is made of: a text in its state, which skops looks up in
    numpy.random and, in older versions, calls whatever it is.
    """
    if node.get("__loader__") != "RandomGeneratorNode":
        return set()
    content = node.get("content")
    state = content.get("bit_generator") if isinstance(content, Mapping) else None
    entries = state.get("content") if isinstance(state, Mapping) and state.get("__loader__") == "DictNode" else None
    named = entries.get("bit_generator") if isinstance(entries, Mapping) else None
    text = named.get("content") if isinstance(named, Mapping) and named.get("__loader__") == "JsonNode" else None
    try:
        name = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        name = None
    if not isinstance(name, str):
        report.refuse("it has a generator of random numbers that does not say which")
        return set()
    return {("numpy.random", name), ("numpy.random.bit_generator", "SeedSequence")}


def _texts_of(node: Mapping[str, Any]) -> Iterator[object]:
    """Yield keys and values of a node, and the text that a JsonNode keeps as JSON."""
    yield from node
    yield from node.values()
    if node.get("__loader__") == "JsonNode" and isinstance(node.get("content"), str):
        try:
            yield json.loads(node["content"])
        except (ValueError, RecursionError):
            yield ""


def _problems_of(node: Mapping[str, Any]) -> Iterator[str]:
    if named := {text for text in _texts_of(node) if isinstance(text, str)} & ARRAY_INTERFACES:
        yield f"it names {min(named)}, by which an object points numpy at any memory"
    loader, class_name = node.get("__loader__"), node.get("__class__")
    if loader is not None and loader not in _NODES and (loader, class_name) != _ITEMGETTER:
        yield f"it holds a {str(loader)[:100]}, which can reach more than its class"
    for module, name in _names_of(node):
        usual = "NdArrayNode" if name == "ndarray" else "ObjectNode"
        if is_held(module, name) and loader not in {"FunctionNode", None}:
            yield f"it calls {module}.{name} while it is loaded, which no writer of skops does"
        if is_watched(module, name) and (loader != usual or name != class_name):
            yield f"it passes {module}.{name} on, which it may only make objects of"
        elif is_distribution(module, name) and not is_plain_distribution(_state_of(node)):
            yield f"it fills a {module}.{name} with a source text of its own"


class _Identities:
    """The ids of nodes: skops takes the first object of an id wherever it comes again, so they must not differ."""

    def __init__(self) -> None:
        self._first: dict[object, tuple[object, ...]] = {}

    def differ(self, node: Mapping[str, Any]) -> bool:
        """Return whether a node has the id of one that is something else."""
        identity = node.get("__id__")
        if identity is None or isinstance(identity, dict | list):
            return identity is not None
        content = node.get("content") if isinstance(node.get("content"), str) else None
        facts = (node.get("__loader__"), node.get("__module__"), node.get("__class__"), node.get("file"), content)
        return self._first.setdefault(identity, facts) != facts


def _state_of(node: Mapping[str, Any]) -> Record:
    """Return the texts of an object's state, as far as they are written plainly."""
    state = Record()
    content = node.get("content")
    entries = content.get("content") if isinstance(content, Mapping) else None
    for key, value in entries.items() if isinstance(entries, Mapping) else ():
        text = value.get("content") if isinstance(value, Mapping) and value.get("__loader__") == "JsonNode" else None
        try:
            state.put(key, json.loads(text) if isinstance(text, str) else None)
        except ValueError:
            state.put(key, None)
    return state
