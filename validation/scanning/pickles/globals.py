"""The allow-list of globals that a pickle or a skops file may name, by exact name. Every other name is refused.

The names are in allowed/*.txt, in a group for each library with the reason why they are harmless: with any arguments,
when the file is loaded or while the model predicts, they build data or compute, and call only allowed names. guards.py
restricts the few names for which this is not true. A policy can add names with the check's parameter ``allow``.
"""

from __future__ import annotations

import _compat_pickle
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path

_LISTS = Path(__file__).parent / "allowed"
# Names of Python 2 that an unpickler translates for old protocols.
_LEGACY_MODULES = frozenset({"__builtin__", "copy_reg"})
_MAX_NAMED = 20
_HELD = "held "


@cache
def allowed_names(*, held_only: bool = False) -> dict[str, frozenset[str]]:
    """Return the allowed names, by module; with ``held_only`` those that a file may contain but not call."""
    allowed: dict[str, set[str]] = {}
    for path in sorted(_LISTS.glob("*.txt")):
        for entry, names in _entries(path.read_text(encoding="utf-8")):
            module = entry.removeprefix(_HELD)
            if module != entry or not held_only:
                allowed.setdefault(module, set()).update(names)
    return {module: frozenset(names) for module, names in allowed.items()}


def is_held(module: str, name: str) -> bool:
    """Return whether a file may contain this function, which the model calls later, but may not call it."""
    return name in allowed_names(held_only=True).get(module, ())


def _entries(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield a module and its names, from lines `module: Name Name` that indented lines continue.

    `held module: name` are functions that a file may contain but not call.
    """
    module = ""
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if not line.startswith(" "):
            module, _, line = line.partition(":")  # noqa: PLW2901 - the names of the line
        yield module, line.split()


def is_allowed(module: str, name: str, extra: Collection[str] = ()) -> bool:
    """Return whether a file may name this global; ``extra`` are further allowed paths `module.name`."""
    if f"{module}.{name}" in extra:
        return True
    new_module, new_name = _translated(module, name)
    if (new_module, new_name) != (module, name) and module not in _LEGACY_MODULES:
        return False
    return new_name in allowed_names().get(new_module, ())


def _translated(module: str, name: str) -> tuple[str, str]:
    """Return the global that Python 3 imports for this name in a pickle of protocol 0 to 2."""
    if (module, name) in _compat_pickle.NAME_MAPPING:
        return _compat_pickle.NAME_MAPPING[module, name]
    return _compat_pickle.IMPORT_MAPPING.get(module, module), name


def problem_of_globals(names: Collection[tuple[str, str]], extra: Collection[str] = ()) -> str:
    """Return a sentence with the names that are not allowed, "" if all are."""
    refused = sorted(f"{module}.{name}" for module, name in names if not is_allowed(module, name, extra))
    if not refused:
        return ""
    more = f" and {len(refused) - _MAX_NAMED} more" if len(refused) > _MAX_NAMED else ""
    return f"loading it would import {', '.join(refused[:_MAX_NAMED])}{more}, which is not allowed"[:1000]
