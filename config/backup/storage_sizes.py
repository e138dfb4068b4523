"""Sizes of the tables of the database and of the folders of the data directory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.db import OperationalError, connection
from django.db.backends.utils import CursorWrapper

# SQLite counts pages of a table and of its indexes apart.
_SQLITE = (
    "SELECT tbl_name, sum(pgsize) FROM dbstat JOIN sqlite_master ON sqlite_master.name = dbstat.name"
    " WHERE aggregate = TRUE GROUP BY tbl_name"
)
_POSTGRESQL = (
    "SELECT relname, pg_total_relation_size(oid) FROM pg_class"
    " WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace"
)


@dataclass(frozen=True, slots=True)
class TableSize:
    """A table: its name, its bytes with those of its indexes (None: SQLite cannot say), and the number of its rows."""

    name: str
    size: int | None
    rows: int


def table_sizes() -> list[TableSize]:
    """Return the tables, the largest first. Counting the rows reads each table once."""
    with connection.cursor() as cursor:
        sizes = _bytes_of_tables(cursor)
        tables = []
        for name in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT count(*) FROM "{name}"')  # noqa: S608 - a table of ours
            tables.append(TableSize(name, sizes.get(name), int(cursor.fetchone()[0])))
    return sorted(tables, key=lambda table: (-(table.size or 0), table.name))


def table_bytes() -> dict[str, int]:
    """Return the bytes of each table with its indexes, without counting rows; empty where SQLite cannot say."""
    with connection.cursor() as cursor:
        return _bytes_of_tables(cursor)


def _bytes_of_tables(cursor: CursorWrapper) -> dict[str, int]:
    """Return the bytes of each table by its name; empty where SQLite was built without its table of pages."""
    try:
        cursor.execute(_POSTGRESQL if connection.vendor == "postgresql" else _SQLITE)
    except OperationalError:
        return {}
    return {name: int(size) for name, size in cursor.fetchall()}


def folder_sizes() -> Iterator[tuple[str, int]]:
    """Yield each folder of the installation that exists on this host, with the bytes of the files below it."""
    folders = {name: settings.DATA_DIR / name for name in ("broker", "logs", "static")}
    folders["audit-log"] = Path(settings.LOG_STATE)
    artifacts = urlsplit(settings.ARTIFACT_URL)
    if artifacts.scheme == "file":
        folders["artifacts"] = Path(unquote(artifacts.path))
    for name, folder in sorted(folders.items()):
        if folder.is_dir():
            yield name, _bytes_below(folder)


def _bytes_below(folder: Path) -> int:
    total = 0
    for name, _, files in os.walk(folder):
        for file in files:
            try:
                total += (Path(name) / file).lstat().st_size
            except FileNotFoundError:
                continue  # deleted meanwhile
    return total
