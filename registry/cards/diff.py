"""Differences between two cards, field by field. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from registry.cards.fields import FIELDS, Field, Kind
from registry.cards.values import as_lines

Body = Mapping[str, Mapping[str, Any]]
_NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field that differs. ``before`` and ``after`` are its entries, empty where a card has none."""

    field: Field
    before: Mapping[str, Any]
    after: Mapping[str, Any]

    @property
    def texts(self) -> tuple[str, str]:
        """Return both values as text; a list or a table has a line for each item or row."""
        return readable(self.field, self.before.get("value", "")), readable(self.field, self.after.get("value", ""))


def diff_bodies(before: Body, after: Body) -> list[FieldChange]:
    """Return the fields whose values differ, in the card's order. Sources and pointers are not compared."""
    pairs = [(field, before.get(field.key) or _NOTHING, after.get(field.key) or _NOTHING) for field in FIELDS]
    return [FieldChange(field, old, new) for field, old, new in pairs if _value(old) != _value(new)]


def readable(field: Field, value: object) -> str:
    """Return a value as text for people."""
    if field.kind in (Kind.LIST, Kind.ROWS):
        return as_lines(field, value)
    if isinstance(value, Mapping):
        return "\n".join(f"{key}: {_cell(item)}" for key, item in value.items())
    return str(value or "")


def _value(entry: Mapping[str, Any]) -> object:
    return entry.get("value") or ""


def _cell(item: object) -> str:
    if isinstance(item, list):
        return ", ".join(_cell(each) for each in item)
    if isinstance(item, Mapping):
        return " ".join(str(each) for each in item.values())
    return str(item)
