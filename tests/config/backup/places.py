"""An installation on a data directory of its own, for tests of backups: commands and writers run as processes."""

from __future__ import annotations

import os
import re
import secrets
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection

from tests.e2e.installation import ROOT

SERVER = os.environ.get("TEST_DATABASE_URL", "postgres://postgres@127.0.0.1:5432/postgres")
Ended = subprocess.CompletedProcess[str]


@dataclass
class Place:
    """A data directory and the URL of a database, "" for SQLite in that directory."""

    data: Path
    database_url: str = ""

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment of its processes."""
        ours = {name: value for name, value in os.environ.items() if not re.match(r"CUSTODY_|ARTIFACT_URL", name)}
        return ours | {"CUSTODY_DATA": str(self.data), "DATABASE_URL": self.database_url}

    @property
    def sqlite(self) -> Path:
        """Return the file of its database."""
        return self.data / "custody.sqlite3"

    @property
    def artifacts(self) -> list[Path]:
        """Return the files of its artifacts."""
        return [path for path in (self.data / "artifacts" / "sha256").rglob("*") if path.is_file()]

    def begin(self, *command: str) -> subprocess.Popen[str]:
        """Start a command of manage.py, or with `-m` a module, and return its process."""
        head = command if command[0] == "-m" else (str(ROOT / "manage.py"), *command)
        return subprocess.Popen(
            [sys.executable, *head],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *command: str) -> Ended:
        """Run a command to its end."""
        with self.begin(*command) as process:
            output, errors = process.communicate()
        return Ended(command, process.returncode, output, errors)

    def manage(self, *command: str) -> str:
        """Run a command, which must succeed, and return its output."""
        done = self.run(*command)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def refused(self, *command: str) -> str:
        """Run a command, which must fail, and return its errors."""
        done = self.run(*command)
        assert done.returncode == 1, done.stdout + done.stderr
        return done.stderr

    def write(self, count: int) -> list[str]:
        """Make this many runs with artifacts, and return their ids."""
        return self.manage("-m", "tests.config.backup.writers", "one", str(count)).split()

    @contextmanager
    def written_to(self) -> Iterator[subprocess.Popen[str]]:
        """Let a process write for the block; each line of its output is the id of a committed run."""
        process = self.begin("-m", "tests.config.backup.writers", secrets.token_hex(2))
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    def change(self, statement: str) -> None:
        """Change rows behind the back of the services."""
        if self.database_url.startswith("postgres"):
            with psycopg.connect(self.database_url) as database:
                database.execute(statement.encode())
            return
        with closing(sqlite3.connect(self.sqlite)) as file, file:
            file.execute(statement)

    def rows(self, statement: str) -> list[Any]:
        """Return the rows of a statement."""
        if self.database_url.startswith("postgres"):
            with psycopg.connect(self.database_url) as database:
                return database.execute(statement.encode()).fetchall()
        with closing(sqlite3.connect(self.sqlite)) as database:
            return database.execute(statement).fetchall()


@contextmanager
def empty_database() -> Iterator[str]:
    """Yield the URL of a new, empty database on the server of the tests, "" on SQLite."""
    if connection.vendor == "sqlite":
        yield ""
        return
    with new_postgres(os.environ["DATABASE_URL"]) as url:
        yield url


@contextmanager
def target_of_a_move() -> Iterator[str]:
    """Yield the URL of an empty PostgreSQL database; skip the test where none answers, or where tests run on one."""
    if connection.vendor != "sqlite":
        pytest.skip("the installation that moves is on SQLite")
    try:
        psycopg.connect(SERVER, connect_timeout=3).close()
    except psycopg.Error:
        pytest.skip(f"no PostgreSQL answers at {SERVER} (TEST_DATABASE_URL)")
    with new_postgres(SERVER) as url:
        yield url


@contextmanager
def new_postgres(server: str) -> Iterator[str]:
    """Yield the URL of a new, empty database beside the one that a URL names, and drop it afterwards."""
    name = f"custody_backup_{secrets.token_hex(4)}"
    with psycopg.connect(server, autocommit=True) as database:
        database.execute(f'CREATE DATABASE "{name}"'.encode())
        try:
            yield f"{server.rpartition('/')[0]}/{name}"
        finally:
            database.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())
