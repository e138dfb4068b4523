"""How the database is emptied after tests that commit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.apps import apps
from django.db import connection, transaction
from django.db.backends.base.operations import BaseDatabaseOperations
from django.db.backends.utils import CursorWrapper

from accounts.models import MEMBERSHIPS_IN_FORCE

Rows = list[tuple[Any, ...]]


def written_by_migrations() -> dict[str, Rows]:
    """Return table → rows of a database that was just migrated, without the empty tables."""
    with connection.cursor() as cursor:
        return {table: rows_of(cursor, table) for table in tables_with_rows(cursor)}


def flush_to(kept: dict[str, Rows]) -> Callable[[BaseDatabaseOperations, list[str]], None]:
    """Return what runs in place of Django's flush: afterwards the database holds the rows of `kept` and no others.

    Django empties every table, which on PostgreSQL makes and removes hundreds of files; this touches only tables that
    have changed. The append-only triggers refuse a DELETE, so they are off for the transaction that deletes.
    """

    def flush(_operations: BaseDatabaseOperations, _statements: list[str]) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            wrong = {table for table in kept if rows_of(cursor, table) != kept[table]}
            surplus = [table for table in tables_with_rows(cursor) if table in wrong or table not in kept]
            with _without_triggers(cursor, surplus):
                for table in surplus:
                    cursor.execute(f'DELETE FROM "{table}"')  # noqa: S608 - a model's table
                for table in wrong:
                    values = ", ".join(["%s"] * len(kept[table][0]))
                    cursor.executemany(f'INSERT INTO "{table}" VALUES ({values})', kept[table])  # noqa: S608 - likewise

    return flush


def tables_with_rows(cursor: CursorWrapper) -> list[str]:
    """Return the names of the models' tables that have rows, in one query. A view has no rows of its own."""
    tables = {model._meta.db_table for model in apps.get_models(include_auto_created=True)} - {MEMBERSHIPS_IN_FORCE}
    exists = "SELECT '{0}' WHERE EXISTS (SELECT 1 FROM \"{0}\")"
    cursor.execute(" UNION ALL ".join(exists.format(table) for table in tables))
    return sorted(table for (table,) in cursor.fetchall())


def rows_of(cursor: CursorWrapper, table: str) -> Rows:
    """Return the rows of a table as the driver gives them, by the first column."""
    cursor.execute(f'SELECT * FROM "{table}" ORDER BY 1')  # noqa: S608 - a model's table
    rows: Rows = cursor.fetchall()
    return rows


@contextmanager
def _without_triggers(cursor: CursorWrapper, tables: list[str]) -> Iterator[None]:
    if connection.vendor == "postgresql":
        for table in tables:
            cursor.execute(f'ALTER TABLE "{table}" DISABLE TRIGGER USER')
        yield
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # a table with checks to come cannot be altered
        for table in tables:
            cursor.execute(f'ALTER TABLE "{table}" ENABLE TRIGGER USER')
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        return
    cursor.execute("SELECT name, sql, tbl_name FROM sqlite_master WHERE type = 'trigger'")
    triggers = [row for row in cursor.fetchall() if row[2] in tables]
    for name, _, _ in triggers:
        cursor.execute(f'DROP TRIGGER "{name}"')
    yield
    for _, sql, _ in triggers:
        cursor.execute(sql)
