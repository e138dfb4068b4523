"""Every app migrates forwards, back to nothing, and forwards again to the same schema, on a database of its own."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group
from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor
from pytest_django import DjangoDbBlocker

from tests.architecture.source import PACKAGES
from tracking.models import Experiment

ALIAS = "migrations"
OURS = sorted(app.label for app in apps.get_app_configs() if app.name.split(".")[0] in PACKAGES)
Schema = set[tuple[Any, ...]]

_SQLITE = "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%%'"
_POSTGRESQL = (
    (
        "SELECT 'column', table_name, column_name, data_type || is_nullable FROM information_schema.columns "
        "WHERE table_schema = 'public'"
    ),
    (
        "SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE connamespace = 'public'::regnamespace"
    ),
    "SELECT 'index', tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "SELECT 'trigger', tgrelid::regclass::text, tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
    "SELECT 'function', '', proname, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
)


@pytest.fixture
def empty(django_db_blocker: DjangoDbBlocker, tmp_path: Path) -> Iterator[BaseDatabaseWrapper]:
    """Yield a connection to an empty database beside the one of the other tests, of the same kind."""
    conf = deepcopy(connection.settings_dict)
    conf["OPTIONS"].pop("pool", None)
    is_sqlite = connection.vendor == "sqlite"
    conf["NAME"] = str(tmp_path / "migrations.sqlite3") if is_sqlite else f"custody_{uuid.uuid4().hex}"
    with django_db_blocker.unblock():
        if not is_sqlite:
            _as_owner(f"CREATE DATABASE {conf['NAME']}")
        connections.databases[ALIAS] = conf
        try:
            yield connections[ALIAS]
        finally:
            connections[ALIAS].close()
            del connections[ALIAS]
            del connections.databases[ALIAS]
            if not is_sqlite:
                _as_owner(f"DROP DATABASE {conf['NAME']}")


def _as_owner(statement: str) -> None:
    with connection._nodb_cursor() as cursor:
        cursor.execute(statement)


def migrate(database: BaseDatabaseWrapper, *, forwards: bool) -> None:
    """Migrate every app to its newest migration, or our apps to before their first."""
    executor = MigrationExecutor(database)
    with connection.execute_wrapper(_refuse):
        _run(executor, forwards=forwards)


def _refuse(_execute: Any, sql: str, *_more: Any) -> Any:
    pytest.fail(f"A migration of one database asks another, the default: {sql}")


def _run(executor: MigrationExecutor, *, forwards: bool) -> None:
    nothing = [(label, None) for label in OURS if label in executor.loader.migrated_apps]
    executor.migrate(executor.loader.graph.leaf_nodes() if forwards else nothing)


def schema(database: BaseDatabaseWrapper) -> Schema:
    """Return the definition of every table, column, constraint, index, trigger and function."""
    statements = (_SQLITE,) if database.vendor == "sqlite" else _POSTGRESQL
    rows: Schema = set()
    with database.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
            rows.update(cursor.fetchall())
    return rows


def of_ours(rows: Schema) -> set[str]:
    """Return the names of what belongs to one of our tables, and of every function."""
    prefixes = tuple(f"{label}_" for label in OURS)
    return {str(row[2]) for row in rows if row[0] == "function" or str(row[1]).startswith(prefixes)}


def test_every_app_migrates_back_to_nothing_and_forwards_again(empty: BaseDatabaseWrapper) -> None:
    migrate(empty, forwards=True)
    first = schema(empty)
    assert of_ours(first)

    migrate(empty, forwards=False)
    assert of_ours(schema(empty)) <= {"custody_append_only"}  # on PostgreSQL all append-only tables share it

    migrate(empty, forwards=True)
    assert schema(empty) == first
    assert Experiment.objects.using(ALIAS).get().name == "Default"
    assert Group.objects.using(ALIAS).count() == 5
