"""Moves the rows of a SQLite database into an empty PostgreSQL database, byte for byte."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from config.backup.facts import DatabaseFacts, read_facts
from config.backup.files import BackupProblem
from config.backup.postgres import snapshot
from config.backup.readers import PostgresReader, SqliteReader, open_sqlite
from config.backup.values import add_digest, converted, writable

_COLUMNS = (
    "SELECT column_name, data_type FROM information_schema.columns"
    " WHERE table_schema = current_schema() AND table_name = %s ORDER BY ordinal_position"
)
_SEQUENCES = (
    "SELECT owner.relname, attname, sequence.oid::regclass::text FROM pg_depend"
    " JOIN pg_class sequence ON sequence.oid = objid AND sequence.relkind = 'S'"
    " JOIN pg_class owner ON owner.oid = refobjid JOIN pg_attribute ON attrelid = refobjid AND attnum = refobjsubid"
    " WHERE deptype IN ('a', 'i') AND owner.relnamespace = current_schema()::regnamespace"
)
_DISABLED_TRIGGERS = (
    "SELECT count(*) FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid"
    " WHERE relnamespace = current_schema()::regnamespace AND NOT tgisinternal AND tgenabled <> 'O'"
)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its name, and PostgreSQL's name of its type."""

    name: str
    kind: str


def move_rows(source: Path, target: Mapping[str, Any], write_line: Callable[[str], None]) -> DatabaseFacts:
    """Copy every row of a SQLite database into a migrated PostgreSQL database; return the facts, equal on both sides.

    The source is read in one transaction, and everything is written in one: after an error the target is as before.
    What the migrations wrote into the target is replaced. Raises BackupProblem.
    """
    try:
        with closing(open_sqlite(source)) as old, psycopg.connect(**target) as new:
            old.execute("BEGIN")
            new.execute("SET LOCAL TIME ZONE 'UTC'")
            reader, written = SqliteReader(old), PostgresReader(new)
            tables = _equal_tables(reader, written)
            _empty_without_triggers(new, tables)
            for table in tables:
                count = _copy_table(old, new, table)
                if count:
                    write_line(f"{table}: {count} rows")
            _restore_triggers(new, tables)
            _set_sequences(old, new)
            facts = _require_equal_facts(reader, written)
            _require_equal_rows(old, new, tables)
    except (psycopg.Error, sqlite3.Error) as error:
        raise BackupProblem(f"The rows cannot be moved: {str(error).strip()}") from error
    return facts


def holds_data(target: Mapping[str, Any]) -> bool:
    """Return whether a PostgreSQL database holds more than the empty tables that `migrate` makes.

    Raises BackupProblem where it does not answer.
    """
    with snapshot(target) as connection:
        reader = PostgresReader(connection)
        tables = reader.tables()
        if not {"audit_event", "accounts_user"} <= set(tables):
            return bool(tables)
        statement = "SELECT EXISTS (SELECT FROM audit_event) OR EXISTS (SELECT FROM accounts_user)"
        return any(exists for (exists,) in reader.rows(statement))


def _equal_tables(reader: SqliteReader, written: PostgresReader) -> list[str]:
    ours, theirs = reader.tables(), written.tables()
    if ours != theirs:
        differ = sorted(set(ours) ^ set(theirs))
        raise BackupProblem(
            f"The databases have different tables: {', '.join(differ)}. Migrate both with this version."
        )
    return ours


def _empty_without_triggers(new: psycopg.Connection[Any], tables: list[str]) -> None:
    """Empty all tables, and switch triggers off: they have acted on these rows before."""
    names = sql.SQL(", ").join(map(sql.Identifier, tables))
    new.execute(sql.SQL("TRUNCATE {}").format(names))
    for table in tables:
        new.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER USER").format(sql.Identifier(table)))


def _restore_triggers(new: psycopg.Connection[Any], tables: list[str]) -> None:
    """Check the foreign keys of the copied rows and enable every trigger. Raises BackupProblem where one stays off."""
    new.execute("SET CONSTRAINTS ALL IMMEDIATE")
    for table in tables:
        new.execute(sql.SQL("ALTER TABLE {} ENABLE TRIGGER USER").format(sql.Identifier(table)))
    row = new.execute(_DISABLED_TRIGGERS).fetchone()
    if row is None or row[0]:
        raise BackupProblem("A trigger of the PostgreSQL database is disabled.")


def _copy_table(old: sqlite3.Connection, new: psycopg.Connection[Any], table: str) -> int:
    """Copy the rows of a table and return their number."""
    columns = _columns(old, new, table)
    names = sql.SQL(", ").join(sql.Identifier(column.name) for column in columns)
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), names)
    count = 0
    with new.cursor() as cursor, cursor.copy(statement) as copy:
        for row in _rows_of(old, table, columns, writable):
            copy.write_row(row)
            count += 1
    return count


def _columns(old: sqlite3.Connection, new: psycopg.Connection[Any], table: str) -> list[Column]:
    columns = [Column(*row) for row in new.execute(_COLUMNS, [table])]
    ours = {row[1] for row in old.execute(f'PRAGMA table_info("{table}")')}
    if ours != {column.name for column in columns}:
        raise BackupProblem(f"The table {table} has different columns in the two databases.")
    return columns


def _rows_of(
    old: sqlite3.Connection, table: str, columns: list[Column], convert: Callable[[Any, str], Any]
) -> Iterator[list[Any]]:
    """Yield the rows of a table of SQLite with converted values. Raises BackupProblem."""
    names = ", ".join(f'"{column.name}"' for column in columns)
    for row in old.execute(f'SELECT {names} FROM "{table}"'):  # noqa: S608 - names of our own tables
        try:
            yield [convert(value, column.kind) for value, column in zip(row, columns, strict=True)]
        except (ValueError, TypeError) as error:
            raise BackupProblem(f"A row of {table} has a value that PostgreSQL cannot take: {error}") from error


def _set_sequences(old: sqlite3.Connection, new: psycopg.Connection[Any]) -> None:
    """Let each sequence go on after the highest number that SQLite ever gave, so that none is given again."""
    highest = dict(old.execute("SELECT name, seq FROM sqlite_sequence"))
    for table, column, sequence in new.execute(_SEQUENCES).fetchall():
        statement = sql.SQL("SELECT COALESCE(max({}), 0) FROM {}").format(sql.Identifier(column), sql.Identifier(table))
        row = new.execute(statement).fetchone()
        last = max(int(row[0]) if row else 0, int(highest.get(table, 0)))
        new.execute("SELECT setval(%s, %s, %s)", [sequence, max(last, 1), last > 0])


def _require_equal_facts(reader: SqliteReader, written: PostgresReader) -> DatabaseFacts:
    """Return the facts of both databases. Raises BackupProblem where they differ."""
    facts = read_facts(reader)
    if differences := facts.differences(read_facts(written)):
        raise BackupProblem(f"The moved database differs: {' '.join(differences)}")
    return facts


def _require_equal_rows(old: sqlite3.Connection, new: psycopg.Connection[Any], tables: list[str]) -> None:
    """Compare the values of all rows. Raises BackupProblem with the first table that differs."""
    reader = PostgresReader(new)
    for table in tables:
        columns = _columns(old, new, table)
        names = ", ".join(f'"{column.name}"' for column in columns)
        ours = theirs = 0
        for row in _rows_of(old, table, columns, converted):
            ours = add_digest(ours, row)
        for row in reader.rows(f'SELECT {names} FROM "{table}"'):  # noqa: S608 - names of our own tables
            theirs = add_digest(theirs, row)
        if ours != theirs:
            raise BackupProblem(f"The rows of {table} differ after they were moved.")
