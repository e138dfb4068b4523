"""Evidence as people read it: a list of like things is a table, a mapping two columns, anything else a line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from console.shell.formatting import number

_NOTHING = "none"


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact a check found or read: ``table`` where it is a list of like things, else ``text``."""

    key: str
    text: str
    columns: tuple[str, ...] = ()
    table: tuple[tuple[str, ...], ...] = ()

    @property
    def is_table(self) -> bool:
        return bool(self.table)


def fact(key: str, value: Any) -> Fact:
    """Return a value under its key, as it is shown."""
    name = key.replace("_", " ")
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        columns = tuple(dict.fromkeys(str(column) for item in value for column in item))
        return Fact(name, "", columns, tuple(tuple(in_words(item.get(column)) for column in columns) for item in value))
    if isinstance(value, dict):
        rows = tuple((str(inner).replace("_", " "), in_words(found)) for inner, found in value.items())
        return Fact(name, "", ("", ""), rows)
    return Fact(name, in_words(value))


def in_words(value: object) -> str:
    """Return any JSON value as text."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(in_words(item) for item in value) or _NOTHING
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {in_words(item)}" for key, item in value.items()) or _NOTHING
    if isinstance(value, float):
        return number(value)
    return _NOTHING if value is None or value == "" else str(value)
