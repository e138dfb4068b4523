"""Read-only access to an mlflow database by SQL: SQLite with the standard library, PostgreSQL with psycopg."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, unquote, urlsplit

import psycopg
from psycopg.rows import dict_row

from importing.sources.base import SourceError

_PAGE = 1000

Row = Mapping[str, Any]


class Database(Protocol):
    """A connection to a database. In statements ``?`` stands for a value. Every method may raise SourceError."""

    name: str

    def rows(self, sql: str, values: Sequence[object] = ()) -> Iterator[Row]:
        """Yield the rows of a statement. Only one page of rows is in memory."""

    def all_rows(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """Return all rows of a statement, for small results."""

    def columns(self, table: str) -> set[str]:
        """Return the columns of a table, none where it does not exist."""

    def close(self) -> None:
        """Close the connection."""


class SqliteDatabase:
    """A SQLite file that is opened read-only. Raises SourceError where it cannot be opened."""

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise SourceError(f"There is no SQLite database {path}.")
        self.name = f"sqlite:///{path.resolve()}"
        try:
            self._connection = sqlite3.connect(f"file:{quote(str(path.resolve()))}?mode=ro", uri=True, timeout=30)
        except sqlite3.Error as error:
            raise SourceError(f"{path} cannot be read: {error}") from error
        self._connection.row_factory = sqlite3.Row

    def rows(self, sql: str, values: Sequence[object] = ()) -> Iterator[Row]:
        """Yield the rows of a statement, a page in memory at a time. Raises SourceError."""
        try:
            cursor = self._connection.execute(sql, values)
            while page := cursor.fetchmany(_PAGE):
                yield from map(dict, page)
        except sqlite3.Error as error:
            raise SourceError(f"{self.name} cannot be read: {error}") from error

    def all_rows(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """Return all rows of a statement. Raises SourceError."""
        return list(self.rows(sql, values))

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def columns(self, table: str) -> set[str]:
        """Return the columns of a table, none where it does not exist. Raises SourceError."""
        return {row["name"] for row in self.rows("SELECT name FROM pragma_table_info(?)", [table])}


class PostgresDatabase:
    """A PostgreSQL database, read in one transaction that sees it as it was at the start.

    Raises SourceError where it cannot be reached.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
        self.name = f"postgresql://{parts.hostname or ''}{port}{parts.path}"
        try:
            self._connection = psycopg.connect(url, row_factory=dict_row, connect_timeout=15)
        except psycopg.Error as error:
            raise SourceError(f"{self.name} cannot be reached: {str(error).strip()}") from error
        self._connection.read_only = True
        self._connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        self._cursors = 0

    def rows(self, sql: str, values: Sequence[object] = ()) -> Iterator[Row]:
        """Yield the rows of a statement, a page in memory at a time. Raises SourceError."""
        self._cursors += 1
        try:
            with self._connection.cursor(name=f"page_{self._cursors}") as cursor:
                cursor.itersize = _PAGE
                yield from cursor.execute(sql.replace("?", "%s"), values)
        except psycopg.Error as error:
            raise SourceError(f"{self.name} cannot be read: {str(error).strip()}") from error

    def all_rows(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """Return all rows of a statement. Raises SourceError."""
        try:
            return list(self._connection.execute(sql.replace("?", "%s"), values).fetchall())
        except psycopg.Error as error:
            raise SourceError(f"{self.name} cannot be read: {str(error).strip()}") from error

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def columns(self, table: str) -> set[str]:
        """Return the columns of a table, none where it does not exist. Raises SourceError."""
        sql = (
            "SELECT column_name FROM information_schema.columns "
            "WHERE table_name = ? AND table_schema = ANY(current_schemas(false))"
        )
        return {row["column_name"] for row in self.all_rows(sql, [table])}


def connect(uri: str) -> Database:
    """Return a connection for the URI of `mlflow server --backend-store-uri`. Raises SourceError."""
    scheme, _, address = uri.partition("://")
    kind = scheme.partition("+")[0]
    if kind == "sqlite" and address.startswith("/"):
        # After three slashes comes a relative path, after four an absolute one.
        return SqliteDatabase(Path(unquote(address[1:].partition("?")[0])))
    if kind in {"postgresql", "postgres"}:
        return PostgresDatabase(f"postgresql://{address}")
    raise SourceError(f"{kind or uri!r} is not a source. Write http://…, https://…, sqlite:///… or postgresql://….")
