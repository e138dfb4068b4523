"""Scans the configuration of a Keras model, which names classes and functions.

Classes and functions of Keras itself are allowed, by their exact names (keras_names.txt).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from validation.scanning.report import Budget

_LIST = Path(__file__).parent / "keras_names.txt"
_ROOTS = ("keras", "tf_keras", "tensorflow.keras", "tensorflow.python.keras")
_FUNCTIONS = frozenset({"function", "TFOpLambda", "SlicingOpLambda"})
_SHOWN = 100


@cache
def _names() -> frozenset[str]:
    """Return the names of Keras's classes and functions that only compute."""
    lines = _LIST.read_text(encoding="utf-8").splitlines()
    return frozenset(name for line in lines if not line.startswith("#") for name in line.split())


def problems_of_keras(record: Mapping[str, object], budget: Budget) -> Iterator[str]:
    """Yield the problems of one object of the configuration."""
    name, module, config = record.get("class_name"), record.get("module"), record.get("config")
    registered = record.get("registered_name")
    if name in _FUNCTIONS:
        yield from _problems_of_function(str(name), config)
    elif not isinstance(name, str) or (name not in _names() and name not in budget.allow):
        yield f"it builds a {str(name)[:_SHOWN]}, which can run code of the model's own"
    if module is not None and not _is_keras(module):
        yield f"it names {str(module)[:_SHOWN]!r}, which a loader would import"
    if isinstance(registered, str) and ">" in registered and registered not in budget.allow:
        yield f"it needs {registered[:_SHOWN]!r}, a class that comes with the model"
    if isinstance(config, Mapping) and isinstance(config.get("vocabulary"), str):
        yield "it reads a vocabulary from a path"


def _problems_of_function(kind: str, config: object) -> Iterator[str]:
    name = config.get("function") if isinstance(config, Mapping) and kind != "function" else config
    if isinstance(name, Mapping):
        name = name.get("name") or name.get("function")
    if not isinstance(name, str):
        yield "it calls a function that has no name"
    elif kind == "TFOpLambda":
        parts = name.split(".")
        if parts[0] not in {"math", "nn", "linalg", "__operators__"} and name not in _names():
            yield f"it calls {name[:_SHOWN]}, which may do more than compute"
    elif name not in _names():
        yield f"it calls {name[:_SHOWN]}, which may do more than compute"


def _is_keras(module: object) -> bool:
    return module == "builtins" or (
        isinstance(module, str) and any(module == root or module.startswith(f"{root}.") for root in _ROOTS)
    )
