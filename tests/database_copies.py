"""Copies of one migrated, empty database: migrations run once for all workers of a test run and for tests that need their own."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import connection


@dataclass(frozen=True)
class Template:
    """The migrated database that copies are made of. ``folder`` is shared by all workers of a test run."""

    folder: Path
    name: str

    @property
    def is_made(self) -> bool:
        """Return whether a worker of this test run has made it; what an earlier run left does not count."""
        return self._mark.exists()

    @property
    def file(self) -> Path:
        """Return the file that it is on SQLite."""
        return self.folder / "template.sqlite3"

    @property
    def _mark(self) -> Path:
        return self.folder / "template.made"

    @property
    def _workers(self) -> Path:
        return self.folder / "template.workers"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other workers from making it, removing it or waiting for half of it."""
        with (self.folder / "template.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def make(self) -> None:
        """Copy the default connection's database, which was just migrated."""
        source = connection.settings_dict["NAME"]
        if connection.vendor == "sqlite":
            with connection.cursor() as cursor:
                cursor.execute("VACUUM INTO %s", [str(self.file)])
        else:
            disconnect()  # a database that somebody is connected to cannot be copied
            with connection._nodb_cursor() as cursor:
                cursor.execute(f'DROP DATABASE IF EXISTS "{self.name}"')
                cursor.execute(f'CREATE DATABASE "{self.name}" TEMPLATE "{source}"')
        self._mark.touch()

    def join(self, worker: str) -> None:
        """Note that a worker needs it until it leaves."""
        self._workers.mkdir(exist_ok=True)
        (self._workers / worker).touch()

    def leave(self, worker: str) -> None:
        """Note that a worker needs it no more; the last one removes it."""
        (self._workers / worker).unlink()
        if any(self._workers.iterdir()):
            return
        self._mark.unlink()
        if connection.vendor == "sqlite":
            self.file.unlink()
        else:
            with connection._nodb_cursor() as cursor:
                cursor.execute(f'DROP DATABASE "{self.name}"')

    def copy(self, folder: Path) -> str:
        """Make a copy, in a folder where that is possible, and return its URL."""
        if connection.vendor == "sqlite":
            return f"sqlite:///{shutil.copy(self.file, folder / 'custody.sqlite3')}"
        name = f"custody_copy_{secrets.token_hex(4)}"
        with connection._nodb_cursor() as cursor:
            cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE "{self.name}"')
        return os.environ["DATABASE_URL"].rpartition("/")[0] + f"/{name}"


def drop(url: str) -> None:
    """Remove a copy, whoever is still connected to it; a file goes with its folder."""
    if connection.vendor != "sqlite":
        with connection._nodb_cursor() as cursor:
            cursor.execute(f'DROP DATABASE "{url.rpartition("/")[2]}" WITH (FORCE)')


def use(template: Template) -> dict[str, Any]:
    """Set Django up to copy the template as its test database; return the options that `setup_databases` needs for it."""
    if connection.vendor == "sqlite":
        shutil.copy(template.file, connection.creation._get_test_db_name())  # type: ignore[attr-defined]  # every back end has it
        return {"keepdb": True}
    connection.settings_dict["TEST"]["TEMPLATE"] = template.name
    return {}


def disconnect() -> None:
    """Close every connection of this process to the default database."""
    connection.close()
    if getattr(connection, "pool", None):
        connection.close_pool()  # type: ignore[attr-defined]  # PostgreSQL's only
