"""Text files that steer how a model is loaded or what is installed for it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, BinaryIO

import yaml

from validation.scanning.report import Budget, Found, Unsafe, judge_globals

_MAX_TEXT = 5_000_000
_LOADER = re.compile(r"mlflow(?:\.[a-z0-9_]+)+")
_CODE_KEYS = ("code", "model_code_path", "code_paths")
_PATH_KEYS = ("pickled_model", "model_path", "data", "model_data", "model_file")
_DIRECT = re.compile(r"://|\s@\s|^git\+|^(?:\.{0,2}/|file:)")
# The nodes of a skops file that hold data or objects of a named class. Not here: methods, partials and operators, which
# bind callables by a bare name.
_SKOPS_NODES = frozenset(
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
_MAX_SCHEMA_NODES = 2_000_000


def read_text(stream: BinaryIO) -> str:
    """Return a small text file; Unsafe when it is none."""
    data = stream.read(_MAX_TEXT + 1)
    if len(data) > _MAX_TEXT:
        raise Unsafe("it is too long for what it is")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Unsafe("it is not text") from error


def scan_mlmodel(found: Found, stream: BinaryIO, budget: Budget) -> None:
    """Judge an MLmodel file: MLflow's own loaders only, nothing outside the folder, no code of the model's own."""
    found.format = "MLmodel"
    body = _yaml(stream)
    flavors = body.get("flavors") if isinstance(body, Mapping) else None
    if not isinstance(flavors, Mapping):
        raise Unsafe("it names no flavors")
    for name, flavor in flavors.items():
        for problem in _flavor_problems(flavor, allow_code=budget.allow_code):
            found.problems.append(f"flavor {str(name)[:100]}: {problem}")


def _flavor_problems(flavor: object, *, allow_code: bool) -> Iterable[str]:
    if not isinstance(flavor, Mapping):
        return
    loader = flavor.get("loader_module")
    if loader is not None and not _LOADER.fullmatch(str(loader)):
        yield f"its loader {str(loader)[:100]} is not MLflow's"
    for key in _CODE_KEYS:
        if flavor.get(key) and not allow_code:
            yield f"it brings code of its own ({key})"
    for key in _PATH_KEYS:
        path = str(flavor.get(key) or "")
        if path.startswith(("/", "~")) or ".." in path.split("/") or "://" in path:
            yield f"{key} points outside the model's folder"


def scan_requirements(found: Found, stream: BinaryIO, budget: Budget) -> None:  # noqa: ARG001 - one signature for all
    """Judge a requirements file: names and versions from the usual index, nothing else."""
    found.format = "requirements"
    found.problems += _requirement_problems(read_text(stream).splitlines())


def scan_environment(found: Found, stream: BinaryIO, budget: Budget) -> None:  # noqa: ARG001 - one signature for all
    """Judge conda.yaml and python_env.yaml: the same, and channels by name."""
    found.format = "environment"
    body = _yaml(stream)
    if not isinstance(body, Mapping):
        raise Unsafe("it is not an environment")
    for channel in _list(body.get("channels")):
        if "://" in str(channel):
            found.problems.append(f"it installs from {str(channel)[:100]}")
    for dependency in [*_list(body.get("dependencies")), *_list(body.get("build_dependencies"))]:
        lines = _list(dependency.get("pip")) if isinstance(dependency, Mapping) else [dependency]
        found.problems += _requirement_problems([str(line) for line in lines])


def _requirement_problems(lines: Iterable[str]) -> list[str]:
    bare = (line.split(" #")[0].strip() for line in lines)
    return [
        f"it installs from elsewhere: {line[:100]}"
        for line in bare
        if line and not line.startswith("#") and not _is_relative_file(line)
        if line.startswith("-") or _DIRECT.search(line)
    ]


def _is_relative_file(line: str) -> bool:
    """Return whether a line only includes the requirements file beside it, as MLflow's python_env.yaml does."""
    return line == "-r requirements.txt"


def scan_skops_schema(found: Found, stream: BinaryIO, budget: Budget) -> None:
    """Judge the schema of a skops file: every class and function it names must be on the allow-list."""
    try:
        schema = json.loads(read_text(stream))
    except (ValueError, RecursionError) as error:
        raise Unsafe("its schema is not JSON") from error
    names: set[tuple[str, str]] = set()
    waiting: list[Any] = [schema]
    count = 0
    while waiting:
        node = waiting.pop()
        count += 1
        if count > _MAX_SCHEMA_NODES:
            raise Unsafe("its schema is too large")
        if isinstance(node, Mapping):
            loader = node.get("__loader__")
            if isinstance(loader, str) and loader not in _SKOPS_NODES:
                found.problems.append(f"it holds a {loader[:100]}")
            names |= _skops_names(node)
            waiting += node.values()
        elif isinstance(node, list):
            waiting += node
    judge_globals(found, names, budget)


def _skops_names(node: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Return what one node names: `__module__` and `__class__`, and for functions `module_path` and `function`."""
    found: set[tuple[str, str]] = set()
    for where, what in (("__module__", "__class__"), ("module_path", "function")):
        if isinstance(node.get(where), str) and isinstance(node.get(what), str):
            found.add((node[where], node[what]))
    return found


def _yaml(stream: BinaryIO) -> object:
    try:
        return yaml.safe_load(read_text(stream))
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise Unsafe("it is not plain YAML") from error


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
