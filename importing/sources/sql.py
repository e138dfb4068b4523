"""Plain SQL over an mlflow database, read-only: SQLite through the standard library, PostgreSQL through psycopg."""

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
    """A connection. ``?`` stands for a value; ``rows`` holds a page in memory at a time, ``few`` everything."""

    name: str

    def rows(self, sql: str, values: Sequence[object] = ()) -> Iterator[Row]: ...
    def few(self, sql: str, values: Sequence[object] = ()) -> list[Row]: ...
    def columns(self, table: str) -> set[str]:
        """Return the columns of a table, none where there is no such table."""
        ...

    def close(self) -> None: ...


class SqliteDatabase:
    """A file, opened read-only. It is not locked between the pages of an answer."""

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
        try:
            cursor = self._connection.execute(sql, values)
            while page := cursor.fetchmany(_PAGE):
                yield from map(dict, page)
        except sqlite3.Error as error:
            raise SourceError(f"{self.name} cannot be read: {error}") from error

    def few(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        return list(self.rows(sql, values))

    def close(self) -> None:
        self._connection.close()

    def columns(self, table: str) -> set[str]:
        return {row["name"] for row in self.rows("SELECT name FROM pragma_table_info(?)", [table])}


class PostgresDatabase:
    """One read-only transaction: everything is as it was when the import began."""

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
        self._cursors += 1
        try:
            with self._connection.cursor(name=f"page_{self._cursors}") as cursor:
                cursor.itersize = _PAGE
                yield from cursor.execute(sql.replace("?", "%s"), values)
        except psycopg.Error as error:
            raise SourceError(f"{self.name} cannot be read: {str(error).strip()}") from error

    def few(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        try:
            return list(self._connection.execute(sql.replace("?", "%s"), values).fetchall())
        except psycopg.Error as error:
            raise SourceError(f"{self.name} cannot be read: {str(error).strip()}") from error

    def close(self) -> None:
        self._connection.close()

    def columns(self, table: str) -> set[str]:
        sql = (
            "SELECT column_name FROM information_schema.columns "
            "WHERE table_name = ? AND table_schema = ANY(current_schemas(false))"
        )
        return {row["column_name"] for row in self.few(sql, [table])}


def connect(uri: str) -> Database:
    """Return a connection for what `mlflow server --backend-store-uri` is given. SourceError."""
    scheme, _, rest = uri.partition("://")
    kind = scheme.partition("+")[0]
    if kind == "sqlite" and rest.startswith("/"):
        return SqliteDatabase(Path(unquote(rest[1:].partition("?")[0])))  # three slashes: relative, four: absolute
    if kind in {"postgresql", "postgres"}:
        return PostgresDatabase(f"postgresql://{rest}")
    raise SourceError(f"{kind or uri!r} is no source: write http://…, https://…, sqlite:///… or postgresql://….")
