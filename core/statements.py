"""SQL as it is, for what is asked or written all day: there, building a statement with the ORM costs more than running it.

A statement has one text, whatever is in its values, so that PostgreSQL plans it once for each connection. It goes through
Django's cursor: transactions, errors and the query log are Django's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection
from psycopg.pq import PipelineStatus

Values = Sequence[Any]
Rows = list[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement as each database wants it; the values are the same. ``{texts}`` stands for what holds a list of texts."""

    postgresql: str
    sqlite: str

    @property
    def text(self) -> str:
        """Return it for the database in use."""
        return self.postgresql if connection.vendor == "postgresql" else self.sqlite


def same(text: str) -> Statement:
    """Return the statement that both databases take as it is."""
    return Statement(text, text)


def fetch(statement: Statement, values: Values) -> Rows:
    """Run a statement and return its rows."""
    with connection.cursor() as cursor:
        cursor.execute(statement.text, values)
        rows: Rows = cursor.fetchall()
    return rows


def run(statement: Statement, values: Values) -> None:
    """Run a statement that returns no rows."""
    with connection.cursor() as cursor:
        cursor.execute(statement.text, values)


@contextmanager
def together() -> Iterator[None]:
    """Send the writes inside to PostgreSQL without waiting for each by itself; it answers for all of them at the end.

    For `run` within a transaction: a fault of any of them is raised at the end, as Django's error, and the transaction is
    lost as ever. A `fetch` inside waits for what went before it.
    """
    connection.ensure_connection()
    if connection.vendor != "postgresql" or is_together():
        yield
        return
    with connection.wrap_database_errors, connection.connection.pipeline():
        yield


def is_together() -> bool:
    """Return whether writes are being sent together: then nothing should be read."""
    return connection.vendor == "postgresql" and connection.connection.pgconn.pipeline_status != PipelineStatus.OFF


def text_array(texts: Sequence[str]) -> str:
    """Return texts as PostgreSQL writes an array; psycopg's own way takes ten times as long for a thousand."""
    quoted = {text: '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"' for text in set(texts)}
    return "{" + ",".join([quoted[text] for text in texts]) + "}"


def number_array(numbers: Sequence[float]) -> str:
    """Return numbers (or flags) as PostgreSQL writes an array."""
    return "{" + ",".join(map(repr, numbers)) + "}"
