"""Writing many rows with one statement.

An INSERT has a text that does not depend on the number of rows: arrays on PostgreSQL, one JSON text on SQLite. What the
hooks of one commit would write each in a transaction of its own, and on SQLite in a turn of its own, is written once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Model
from django.db.models.expressions import RawSQL
from django.utils import timezone

from core.columns import array_type_of, columns_of, defaults_of, listed, moments_of, table_of
from core.statements import Rows, Statement, number_array, text_array
from core.times import iso_utc

Finish = Callable[[list[Any]], None]
_NUMBERS = {"int2", "int8", "float8", "bool"}


class BulkInsert:
    """An INSERT of many rows into the table of a model. Make it once, when the module is imported.

    ``conflict`` is the whole ON CONFLICT clause for rows that exist already; with "" such a row is an error.
    ``returning`` names the columns to return of the rows that were written: a row that ON CONFLICT skips is not among
    them.
    """

    def __init__(self, model: type[Model], *, conflict: str = "", returning: Sequence[str] = ()) -> None:
        self.columns = columns_of(model)
        self.types = [array_type_of(model, column) for column in self.columns]
        self.defaults, self.moments = defaults_of(model), moments_of(model)
        into = f"INSERT INTO {table_of(model)} ({listed(self.columns)}) SELECT "
        ending = f"{conflict} RETURNING {listed(returning)}" if returning else conflict
        arrays = ", ".join(f"%s::{kind}[]" for kind in self.types)
        fields = ", ".join(_from_json(index, kind) for index, kind in enumerate(self.types))
        self.returns = bool(returning)
        self.statement = Statement(
            f"{into}* FROM unnest({arrays}) {ending}",
            f"{into}{fields} FROM json_each(%s) WHERE true {ending}",  # without WHERE, ON would belong to a join
        )

    def run(self, rows: Sequence[Mapping[str, Any]]) -> Rows:
        """Insert rows, each a mapping of columns to values; a column that a row leaves out gets the field's default.

        Return the ``returning`` columns of the rows that were written, in no particular order.
        """
        if not rows:
            return []
        defaults = self.defaults | {column: timezone.now() for column in self.moments}
        values = [[row.get(column, defaults[column]) for column in self.columns] for row in rows]
        bound = self._arrays(values) if connection.vendor == "postgresql" else [_json(values)]
        with connection.cursor() as cursor:
            cursor.execute(self.statement.text, bound)
            return list(cursor.fetchall()) if self.returns else []

    def _arrays(self, values: Sequence[Sequence[Any]]) -> list[str]:
        columns = zip(self.types, zip(*values, strict=True), strict=True)
        return [number_array(column) if kind in _NUMBERS else text_array(_as_texts(column)) for kind, column in columns]


def among(texts: Sequence[str]) -> RawSQL:
    """Return a subquery for ``__in`` with these texts as one value: thousands of placeholders are slow to read."""
    if connection.vendor == "postgresql":
        return RawSQL("SELECT unnest(%s::text[])", [text_array(texts)])
    return RawSQL("SELECT value FROM json_each(%s)", [json.dumps(list(texts))])


def _from_json(index: int, kind: str) -> str:
    field = f"json_extract(value, '$[{index}]')"
    return f"CAST({field} AS BLOB)" if kind == "bytea" else field


def _as_texts(column: Sequence[Any]) -> list[str]:
    """Return the values of a column as texts. One value of all rows, such as the time, is made into text once."""
    first = column[0]
    if all(value is first for value in column):
        return [_as_text(first)] * len(column)
    return [_as_text(value) for value in column]


def _as_text(value: Any) -> str:
    if type(value) is str:
        return value
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    if isinstance(value, dict | list):
        return json.dumps(value)
    return iso_utc(value, "microseconds") if isinstance(value, datetime) else str(value)


def _json(rows: Sequence[Sequence[Any]]) -> str:
    return json.dumps(rows, default=_for_sqlite)


def _for_sqlite(value: object) -> str:
    """Return the text that stands in SQLite for a value that JSON cannot hold. Bytes must be UTF-8.

    Raises TypeError for a type that no column has.
    """
    if isinstance(value, datetime):
        return str(connection.ops.adapt_datetimefield_value(value))
    if isinstance(value, UUID):
        return value.hex
    if isinstance(value, bytes):
        return value.decode()
    msg = f"no column holds a {type(value).__name__}"
    raise TypeError(msg)


class BatchedCommitHooks:
    """The part of a database wrapper that calls `Finish` functions after all hooks of a commit."""

    _batches: dict[Finish, list[Any]] | None = None

    def run_and_clear_commit_hooks(self) -> None:
        """Run the hooks of a commit, then finish what they handed over. A hook may commit itself."""
        if self._batches is not None:
            super().run_and_clear_commit_hooks()  # type: ignore[misc]  # of Django's wrapper
            return
        batches: dict[Finish, list[Any]] = {}
        self._batches = batches
        try:
            super().run_and_clear_commit_hooks()  # type: ignore[misc]  # likewise
        finally:
            self._batches = None
            for finish, items in batches.items():
                finish(items)


def after_hooks(finish: Finish, item: Any) -> None:
    """Call ``finish`` once with the items of all hooks of the present commit; at once where no commit runs hooks."""
    batches: dict[Finish, list[Any]] | None = getattr(connection, "_batches", None)
    if batches is None:
        finish([item])
    else:
        batches.setdefault(finish, []).append(item)
