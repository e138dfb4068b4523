"""A state that many tests start from is built once in a process; the rows it wrote are inserted again for the next
test.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import time_machine
from django.apps import apps
from django.db import connection, models
from django.db.backends.utils import CursorWrapper

from tests.database_flush import Rows, rows_of, tables_with_rows

T = TypeVar("T")
Key = tuple[str, ...] | str


@dataclass(frozen=True)
class Recording:
    """What building a state returned, the rows it wrote, table by table, and copies of the folders it filled."""

    value: Any
    rows: dict[str, Rows]
    copies: list[Path]


class RecordedRows:
    """The recordings of this process. ``migrated`` holds the rows of a database that was just migrated."""

    def __init__(self, migrated: dict[str, Rows], folder: Path) -> None:
        self._migrated = migrated
        self._folder = folder
        self._recordings: dict[Key, Recording] = {}

    def build(self, key: Key, build: Callable[[], T], *, folders: Sequence[Path]) -> T:
        """Return what ``build`` returned, with the database and the folders as it left them.

        The value is that of the first test, so it must be plain, such as ids. Where rows exist already, what is
        written is committed, or the clock is another, the state is built as if there were no recordings.
        """
        with connection.cursor() as cursor:
            is_usual = connection.in_atomic_block and not time_machine.escape_hatch.is_travelling()
            if not is_usual or tables_with_rows(cursor) != sorted(self._migrated):
                return build()
            if key not in self._recordings:
                return self._record(cursor, key, build(), folders)
            known = self._recordings[key]
            _restore(cursor, known, folders)
        restored: T = known.value
        return restored

    def _record(self, cursor: CursorWrapper, key: Key, value: T, folders: Sequence[Path]) -> T:
        """Keep what was written and return the value.

        A state that changes rows of the migrations is built each time; it may add rows to their tables.
        """
        tables = tables_with_rows(cursor)
        rows = {table: rows_of(cursor, table) for table in _parents_first() if table in tables}
        for table, migrated in self._migrated.items():
            if any(row not in rows.get(table, []) for row in migrated):
                return value
            rows[table] = [row for row in rows.get(table, []) if row not in migrated]
        copies = [self._folder / f"{len(self._recordings)}-{number}" for number in range(len(folders))]
        _copy(folders, copies)
        written = {table: added for table, added in rows.items() if added}
        self._recordings[key] = Recording(value, written, copies)
        return value


def _restore(cursor: CursorWrapper, recording: Recording, folders: Sequence[Path]) -> None:
    with _without_insert_triggers(cursor, set(recording.rows)):
        for table, rows in recording.rows.items():
            values = ", ".join(["%s"] * len(rows[0]))
            cursor.executemany(f'INSERT INTO "{table}" VALUES ({values})', rows)  # noqa: S608 - a model's table
    if connection.vendor == "postgresql":
        _continue_after(cursor, set(recording.rows))
    _copy(recording.copies, folders)


def _copy(sources: Sequence[Path], targets: Sequence[Path]) -> None:
    for source, target in zip(sources, targets, strict=True):
        if source.exists():
            shutil.copytree(source, target, dirs_exist_ok=True)


@contextmanager
def _without_insert_triggers(cursor: CursorWrapper, tables: set[str]) -> Iterator[None]:
    """Switch the triggers off that write further rows after an INSERT, or look at rows as they were before later
    changes.

    The recording has the rows that they wrote, and they have admitted all others.
    """
    if connection.vendor == "sqlite":
        cursor.execute("SELECT name, sql, tbl_name FROM sqlite_master WHERE type = 'trigger' AND sql LIKE '% INSERT %'")
        triggers = [row for row in cursor.fetchall() if row[2] in tables]
        for name, _, _ in triggers:
            cursor.execute(f'DROP TRIGGER "{name}"')
        yield
        for _, sql, _ in triggers:
            cursor.execute(sql)
        return
    cursor.execute(
        "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE NOT tgisinternal AND tgtype & 4 = 4 "
        "AND tgrelid::regclass::text = ANY(%s)",
        [sorted(tables)],
    )
    named = [f'ALTER TABLE "{table}" {{}} TRIGGER "{name}"' for table, name in cursor.fetchall()]
    off, on = ("; ".join(statement.format(word) for statement in named) for word in ("DISABLE", "ENABLE"))
    if named:
        cursor.execute(off)
    yield
    if named:  # a table with checks to come cannot be altered
        cursor.execute(f"SET CONSTRAINTS ALL IMMEDIATE; {on}; SET CONSTRAINTS ALL DEFERRED")


def _continue_after(cursor: CursorWrapper, tables: set[str]) -> None:
    """Let the sequences of ids go on after the rows that were inserted with theirs; SQLite does so by itself."""
    moves = [
        f"setval(pg_get_serial_sequence('{table}', '{field.column}'), (SELECT max({field.column}) FROM {table}))"  # noqa: S608 - names of models
        for model in apps.get_models(include_auto_created=True)
        if (table := model._meta.db_table) in tables and isinstance(field := model._meta.pk, models.AutoField)
    ]
    if moves:
        cursor.execute(f"SELECT {', '.join(moves)}")


def _parents_first() -> list[str]:
    """Return the tables of the models, each after those that its foreign keys point to: triggers look rows up there."""
    ordered: dict[str, None] = {}

    def add(model: type[models.Model], above: frozenset[type[models.Model]]) -> None:
        if model in above or model._meta.db_table in ordered:
            return
        for parent in _targets(model):
            add(parent, above | {model})
        ordered[model._meta.db_table] = None

    for model in apps.get_models(include_auto_created=True):
        add(model, frozenset())
    return list(ordered)


def _targets(model: type[models.Model]) -> Iterator[type[models.Model]]:
    for field in model._meta.concrete_fields:
        if isinstance(field, models.ForeignKey):
            yield field.remote_field.model
