"""Inputs and evidence of a check for a page: a mapping or a list of mappings as a table, anything else as text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from console.shell.formatting import number

_NOTHING = "none"


@dataclass(frozen=True, slots=True)
class Fact:
    """One value with its key. ``table`` has the rows of a mapping or a list of mappings, ``text`` any other value."""

    key: str
    text: str
    columns: tuple[str, ...] = ()
    table: tuple[tuple[str, ...], ...] = ()

    @property
    def is_table(self) -> bool:
        """Return whether the value is shown as a table."""
        return bool(self.table)


def fact(key: str, value: Any) -> Fact:
    """Return a value with its key, for a page."""
    name = key.replace("_", " ")
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        columns = tuple(dict.fromkeys(str(column) for item in value for column in item))
        return Fact(
            name, "", columns, tuple(tuple(value_text(item.get(column)) for column in columns) for item in value)
        )
    if isinstance(value, dict):
        rows = tuple((str(row_key).replace("_", " "), value_text(item)) for row_key, item in value.items())
        return Fact(name, "", ("", ""), rows)
    return Fact(name, value_text(value))


def value_text(value: object) -> str:
    """Return any JSON value as text."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(value_text(item) for item in value) or _NOTHING
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {value_text(item)}" for key, item in value.items()) or _NOTHING
    if isinstance(value, float):
        return number(value)
    return _NOTHING if value is None or value == "" else str(value)
