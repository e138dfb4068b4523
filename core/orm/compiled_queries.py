"""Queries whose SQL the ORM writes once: for counts that every page shows, writing it takes longer than running it.

The caller caches the statement under everything that it was built from. Values that change, such as the time, are put
in when it runs: the query is built with a `Slot` in their place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Field, QuerySet, Value

from core.actors import Actor
from core.statements import Rows


class Slot(Value):
    """A value of a query that is known when the query runs; ``output_field`` is the kind of field it stands for."""

    def __init__(self, name: str, output_field: Field[Any, Any]) -> None:
        super().__init__(name, output_field=output_field)
        self.name = name

    def as_sql(self, _compiler: Any, _connection: Any) -> tuple[str, list[Any]]:  # type: ignore[override]  # texts and numbers only
        """Return a placeholder, and this slot as its value."""
        return "%s", [self]


@dataclass(frozen=True, slots=True)
class CompiledQuery:
    """The SQL of a query, with slots among its values. ``text`` is "" for a query that has no rows."""

    text: str
    values: tuple[Any, ...] = ()

    def rows(self, values: Mapping[str, Any] | None = None) -> Rows:
        """Run the query with a value for each slot, and return its rows."""
        if not self.text:
            return []
        filled = [_filled(value, values or {}) if isinstance(value, Slot) else value for value in self.values]
        with connection.cursor() as cursor:
            cursor.execute(self.text, filled)
            rows: Rows = cursor.fetchall()
        return rows

    def count(self, values: Mapping[str, Any] | None = None) -> int:
        """Return how many rows the query has."""
        text = f"SELECT COUNT(*) FROM ({self.text}) AS counted" if self.text else ""  # noqa: S608 - the ORM wrote it
        rows = replace(self, text=text).rows(values)
        return int(rows[0][0]) if rows else 0


def compiled(query: QuerySet[Any, Any]) -> CompiledQuery:
    """Return the SQL of a query for the database in use."""
    try:
        text, values = query.query.sql_with_params()
    except EmptyResultSet:
        return CompiledQuery("")
    return CompiledQuery(text, tuple(values))


def identity_of(actor: Actor) -> Actor:
    """Return the actor without the request that it acts in: one key for all pages of a person."""
    return replace(actor, request_id="", on_behalf_of="")


def _filled(slot: Slot, values: Mapping[str, Any]) -> Any:
    return slot.output_field.get_db_prep_value(values[slot.name], connection, prepared=False)
