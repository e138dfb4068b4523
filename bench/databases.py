"""Databases for both servers of a comparison: PostgreSQL where one is available, else SQLite."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
from psycopg import sql

_SERVER = os.environ.get("TEST_DATABASE_URL", "postgres://postgres@127.0.0.1:5432/postgres")


def engine() -> str:
    """Return which engine is used."""
    try:
        with psycopg.connect(_SERVER, connect_timeout=3):
            return "PostgreSQL"
    except psycopg.OperationalError:
        return "SQLite"


@contextmanager
def database(name: str, directory: Path, *, keep: bool = False) -> Iterator[str]:
    """Create an empty database, yield its URL (`postgres://…` or `sqlite:///…`), and drop it afterwards.

    With ``keep`` a PostgreSQL database that exists is used again, and stays.
    """
    if engine() == "SQLite":
        yield f"sqlite:///{directory / name}.sqlite3"
        return
    if not keep:
        _run(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
    with suppress(psycopg.errors.DuplicateDatabase):
        _run(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        yield f"{_SERVER.rpartition('/')[0]}/{name}"
    finally:
        if not keep:
            _run(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _run(statement: sql.Composed) -> None:
    with psycopg.connect(_SERVER, autocommit=True) as connection:
        connection.execute(statement)
