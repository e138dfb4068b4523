"""Dumps of a PostgreSQL database by pg_dump, and their restoration by pg_restore."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import IsolationLevel

from audit.transparency.state import SignedState
from config.backup.facts import Contents, DatabaseFacts, read_contents, read_facts
from config.backup.files import BackupProblem, sync
from config.backup.readers import PostgresReader, command_access
from config.supervisor.parents import die_with_parent

_COPY = re.compile(rb'COPY (?:"?\w+"?\.)?"?(\w+)"? \(')
_PUBLIC_SCHEMA = re.compile(r" (?:SCHEMA - public|COMMENT - SCHEMA public) ")
_END_OF_ROWS = b"\\.\n"


@contextmanager
def snapshot(parameters: Mapping[str, Any]) -> Iterator[psycopg.Connection[Any]]:
    """Yield a connection that sees one moment of the database. Raises BackupProblem where it does not answer."""
    try:
        with psycopg.connect(**parameters) as connection:
            connection.isolation_level = IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            yield connection
    except psycopg.Error as error:
        raise BackupProblem(f"The database cannot be used: {str(error).strip()}") from error


def dump_database(parameters: Mapping[str, Any], target: Path, signed: SignedState | None) -> Contents:
    """Write a dump of one moment; return the contents of the database at that moment. Raises BackupProblem.

    The dump is read again, and its rows are counted.
    """
    with snapshot(parameters) as connection:
        exported = connection.execute("SELECT pg_export_snapshot()").fetchone()
        database, environment = command_access(parameters)
        command = [_path_of("pg_dump"), "--format=custom", f"--snapshot={exported[0] if exported else ''}"]
        _run([*command, f"--file={target}", f"--dbname={database}"], environment)
        target.chmod(0o600)
        sync(target)
        contents = read_contents(PostgresReader(connection), signed)
    facts, rows = contents.facts, dumped_rows(target)
    if rows != facts.rows:
        differ = sorted(table for table in rows.keys() | facts.rows.keys() if rows.get(table) != facts.rows.get(table))
        raise BackupProblem(f"The dump {target} has other rows than the database: {', '.join(differ)}.")
    return contents


def dumped_rows(dump: Path) -> dict[str, int]:
    """Return the number of rows of each table in a dump, reading all of it. Raises BackupProblem."""
    rows: dict[str, int] = {}
    table = ""
    command = [_path_of("pg_restore"), "--data-only", "--file=-", str(dump)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:  # noqa: S603 - our own arguments
        assert process.stdout  # noqa: S101 - it is a pipe
        assert process.stderr  # noqa: S101 - it is a pipe
        for line in process.stdout:
            if table and line == _END_OF_ROWS:
                table = ""
            elif table:
                rows[table] += 1
            elif begins := _COPY.match(line):
                table = begins[1].decode()
                rows[table] = 0
        errors = process.stderr.read().decode(errors="replace").strip()
    if process.returncode:
        raise BackupProblem(f"{dump} cannot be read: {errors}")
    return rows


def load_dump(parameters: Mapping[str, Any], dump: Path) -> None:
    """Load a dump into an empty database, in one transaction. Raises BackupProblem."""
    database, environment = command_access(parameters)
    options = ["--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges"]
    # The schema "public" is in every new database already.
    listed = _run([_path_of("pg_restore"), "--list", str(dump)], environment).splitlines(keepends=True)
    with tempfile.NamedTemporaryFile("w", suffix=".contents") as contents:
        contents.writelines(line for line in listed if not _PUBLIC_SCHEMA.search(line))
        contents.flush()
        command = [_path_of("pg_restore"), *options, f"--use-list={contents.name}", f"--dbname={database}", str(dump)]
        _run(command, environment)


def facts_of(parameters: Mapping[str, Any]) -> DatabaseFacts:
    """Return the facts of a database at this moment. Raises BackupProblem."""
    with snapshot(parameters) as connection:
        return read_facts(PostgresReader(connection))


def tables_of(parameters: Mapping[str, Any]) -> list[str]:
    """Return the tables of a database. Raises BackupProblem where it does not answer."""
    with snapshot(parameters) as connection:
        return PostgresReader(connection).tables()


def empty_database(parameters: Mapping[str, Any]) -> None:
    """Drop every table of the schema in use. Raises BackupProblem."""
    try:
        with psycopg.connect(**parameters) as connection:
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")
    except psycopg.Error as error:
        raise BackupProblem(f"The database cannot be emptied: {str(error).strip()}") from error


def _path_of(command: str) -> str:
    path = shutil.which(command)
    if path is None:
        raise BackupProblem(f"{command} is not installed. Install PostgreSQL's client commands (postgresql-client).")
    return path


def _run(command: list[str], environment: Mapping[str, str]) -> str:
    """Run one of PostgreSQL's commands and return its output. Raises BackupProblem with what it wrote as errors."""
    done = subprocess.run(  # noqa: S603 - our own arguments
        command,
        env=dict(environment),
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: die_with_parent(signal.SIGTERM),
    )
    if done.returncode:
        raise BackupProblem(f"{Path(command[0]).name} failed: {done.stderr.strip()}")
    return done.stdout
