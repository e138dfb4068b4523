"""Scan of skops files: a zip file of a schema, which names classes and functions, and of arrays."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO

from validation.scanning.pickles.globals import is_held
from validation.scanning.pickles.guards import is_distribution, is_plain_distribution, is_watched
from validation.scanning.pickles.literals import ARRAY_INTERFACES
from validation.scanning.pickles.scan import check_globals
from validation.scanning.pickles.values import Record
from validation.scanning.report import Budget, FileReport, Unsafe

SCHEMA = "schema.json"
_MAX_SCHEMA = 64 * 1024**2
# The allowed kinds of nodes: data, and objects of a named class. Methods and operators are not among them, because they
# name a function without its module.
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
    """Return the function that scans a member of a skops file. This module scans the schema, ``inner`` the others."""

    def scan(part: FileReport, stream: BinaryIO) -> None:
        if part.name != SCHEMA:
            inner(part, stream)
            return
        try:
            _scan_schema(part, stream, budget)
        except Unsafe as error:
            part.refuse(str(error))

    return scan


def _scan_schema(report: FileReport, stream: BinaryIO, budget: Budget) -> None:
    """Scan the schema: every class and function in it must be on the allow-list. Raises Unsafe."""
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
    check_globals(report, names, budget)


def _nodes(schema: object, budget: Budget) -> Iterator[Mapping[str, Any]]:
    pending = [schema]
    while pending:
        node = pending.pop()
        budget.spend_steps(1)
        if isinstance(node, Mapping):
            yield node
            pending += node.values()
        elif isinstance(node, list):
            pending += node


def _names_of(node: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Return the names in one node: `__module__` and `__class__`, and for functions `module_path` and `function`."""
    return {
        (node[module_key], node[name_key])
        for module_key, name_key in _SPLIT_NAMES
        if isinstance(node.get(module_key), str) and isinstance(node.get(name_key), str)
    }


def _generator_of(report: FileReport, node: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Return the names that a node of a random number generator imports.

    The name of the bit generator is a text in its state, which skops looks up in numpy.random; older versions call
    whatever they find there.
    """
    if node.get("__loader__") != "RandomGeneratorNode":
        return set()
    content = node.get("content")
    state = content.get("bit_generator") if isinstance(content, Mapping) else None
    entries = state.get("content") if isinstance(state, Mapping) and state.get("__loader__") == "DictNode" else None
    name_node = entries.get("bit_generator") if isinstance(entries, Mapping) else None
    text = (
        name_node.get("content")
        if isinstance(name_node, Mapping) and name_node.get("__loader__") == "JsonNode"
        else None
    )
    try:
        name = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        name = None
    if not isinstance(name, str):
        report.refuse("it has a generator of random numbers that does not say which")
        return set()
    return {("numpy.random", name), ("numpy.random.bit_generator", "SeedSequence")}


def _texts_of(node: Mapping[str, Any]) -> Iterator[object]:
    """Yield the keys and values of a node, and the text in the JSON of a JsonNode."""
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
    if loader is not None and not isinstance(loader, str):
        yield "it holds a node whose loader is no text"
        return
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
    """The ids of nodes. skops uses the first object of an id for every node with that id, so these must not differ."""

    def __init__(self) -> None:
        self._first: dict[object, tuple[object, ...]] = {}

    def differ(self, node: Mapping[str, Any]) -> bool:
        """Return whether a node has the id of an earlier node that differs from it."""
        identity = node.get("__id__")
        if identity is None or isinstance(identity, dict | list):
            return identity is not None
        content = node.get("content") if isinstance(node.get("content"), str) else None
        facts = (node.get("__loader__"), node.get("__module__"), node.get("__class__"), node.get("file"), content)
        return self._first.setdefault(identity, facts) != facts


def _state_of(node: Mapping[str, Any]) -> Record:
    """Return the state of an object, with the texts that are written plainly and None for other values."""
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
