"""Comparison of the migrations in a database with those of this version."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import DatabaseError, OperationalError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder


class UnusableDatabase(Exception):
    """The database cannot be used by this version. The message says which one, why, and what to do."""


class DatabaseUnreachable(UnusableDatabase):
    """The database server does not answer, or not yet."""


@dataclass(frozen=True, slots=True)
class SchemaState:
    """The migrations in a database, compared with those of this version.

    ``unknown`` are migrations of Custody's apps that only the database has, ``pending`` those of all apps that only
    this version has. ``exists`` is False for a database without any migration, and for a SQLite file that is not there.
    """

    exists: bool
    unknown: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()


def schema_state() -> SchemaState:
    """Return the state of the default database, without making a SQLite file.

    Raises UnusableDatabase where it does not answer.
    """
    if connection.vendor == "sqlite" and not _sqlite_file().exists():
        return SchemaState(exists=False)
    try:
        executor = MigrationExecutor(connection)
    except DatabaseError as error:
        is_away = isinstance(error, OperationalError) and connection.vendor == "postgresql"
        kind = DatabaseUnreachable if is_away else UnusableDatabase
        raise kind(f"{database_name()} cannot be used: {str(error).strip()}") from error
    loader: Any = executor.loader
    unknown = _unknown_of(loader.applied_migrations, loader.disk_migrations)
    plan = executor.migration_plan(loader.graph.leaf_nodes()) if not unknown else []
    pending = tuple(f"{migration.app_label}.{migration.name}" for migration, _ in plan)
    return SchemaState(bool(loader.applied_migrations), tuple(unknown), pending)


def applied_migrations() -> list[str]:
    """Return the migrations in the database, as `app.name`."""
    return sorted(f"{app}.{name}" for app, name in MigrationRecorder(connection).applied_migrations())


def unknown_migrations(names: Iterable[str]) -> list[str]:
    """Return those of these migrations (`app.name`) that are of an app of Custody, and that this version lacks."""
    loader: Any = MigrationLoader(None)
    return _unknown_of([tuple(name.split(".", 1)) for name in names], loader.disk_migrations)


def _unknown_of(keys: Iterable[tuple[str, ...]], present: Collection[tuple[str, ...]]) -> list[str]:
    ours = {app.label for app in apps.get_app_configs() if Path(app.path).is_relative_to(settings.BASE_DIR)}
    return sorted(".".join(key) for key in keys if key[0] in ours and key not in present)


def require_known_schema() -> SchemaState:
    """Return the state of a database that this version can migrate, which may also be missing or empty.

    Raises UnusableDatabase for any other.
    """
    state = schema_state()
    if state.unknown:
        more = f" and {len(state.unknown) - 1} more" if len(state.unknown) > 1 else ""
        raise UnusableDatabase(
            f"{database_name()} was made by another version of Custody: its database has migrations that this version does not"
            f" have ({state.unknown[0]}{more}). Nothing was changed. Start with another data directory (script/up --data DIR),"
            " or use the version that made it to export what you need."
        )
    return state


def require_current_schema() -> None:
    """Raise UnusableDatabase where the database is missing, was made by another version, or lacks migrations."""
    state = require_known_schema()
    if not state.exists:
        raise UnusableDatabase(
            f"{database_name()} has no Custody database yet. Start it once (script/up --data DIR), or set CUSTODY_DATA to the data"
            " directory of the installation that you mean."
        )
    if state.pending:
        migrations = "1 migration" if len(state.pending) == 1 else f"{len(state.pending)} migrations"
        raise UnusableDatabase(
            f"{database_name()} lacks {migrations} of this version. Start it with script/up, or run manage.py migrate."
        )


def database_name() -> str:
    """Return the name of the database in use for messages: the data directory, or a server's database and host."""
    if connection.vendor == "sqlite":
        folder = _sqlite_file().parent
        return f"The data directory {folder}" if folder == settings.DATA_DIR else f"The database {_sqlite_file()}"
    options = connection.settings_dict
    return f"The database {options['NAME']} on {options['HOST'] or 'localhost'}"


def _sqlite_file() -> Path:
    return Path(str(connection.settings_dict["NAME"]))
