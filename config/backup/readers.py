"""Reading of a database by plain statements, the same for a SQLite file and for a PostgreSQL database."""

from __future__ import annotations

import itertools
import os
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import psycopg
from psycopg.conninfo import make_conninfo

_AT_ONCE = 2000
# Options of Django and of its pool, which libpq does not know.
_NOT_OF_LIBPQ = {"server_side_binding", "prepare_threshold", "pool", "isolation_level", "assume_role"}


class Reader(Protocol):
    """A source of rows."""

    def rows(self, statement: str) -> Iterator[Any]:
        """Yield the rows of a statement without holding all of them in memory."""
        ...

    def tables(self) -> list[str]:
        """Return the names of the tables, sorted."""
        ...


class SqliteReader:
    """Reads through a connection to a SQLite file."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def rows(self, statement: str) -> Iterator[Any]:
        """Yield the rows of a statement."""
        yield from self.connection.execute(statement)

    def tables(self) -> list[str]:
        """Return the names of the tables, without SQLite's own."""
        listed = self.rows("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        return sorted(name for (name,) in listed)


class PostgresReader:
    """Reads through a connection to PostgreSQL that is in a transaction, a part of the rows at a time."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        self._names = (f"backup_{number}" for number in itertools.count())

    def rows(self, statement: str) -> Iterator[Any]:
        """Yield the rows of a statement."""
        with self.connection.cursor(name=next(self._names)) as cursor:
            cursor.itersize = _AT_ONCE
            cursor.execute(statement.encode())
            yield from cursor

    def tables(self) -> list[str]:
        """Return the names of the tables of the schema in use."""
        listed = self.rows("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
        return sorted(name for (name,) in listed)


def open_sqlite(path: Path, *, unchanging: bool = False) -> sqlite3.Connection:
    """Open a SQLite file that exists, for reading: ``unchanging`` makes no file beside it."""
    mode = "ro&immutable=1" if unchanging else "rw"
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode={mode}", uri=True, timeout=30)


def libpq_parameters(settings_dict: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters with which libpq reaches the database of a Django connection."""
    named = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    parameters = {name: settings_dict[key] for name, key in named.items() if settings_dict.get(key)}
    options = {key: value for key, value in settings_dict["OPTIONS"].items() if key not in _NOT_OF_LIBPQ}
    return parameters | options


def command_access(parameters: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """Return the ``--dbname`` and the environment for PostgreSQL's commands: no password is on the command line."""
    visible = {name: value for name, value in parameters.items() if name != "password"}
    environment = dict(os.environ)
    if password := parameters.get("password"):
        environment["PGPASSWORD"] = str(password)
    return make_conninfo(**visible), environment
