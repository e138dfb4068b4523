"""Copies of one migrated, empty database: migrations run once for all workers of a test run and for tests that need
their own.
"""

from __future__ import annotations

import fcntl
import hashlib
import itertools
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import django
from django.apps import apps
from django.db import connection

RUN = "TEST_RUN_NUMBER"
_KEPT = 4  # databases of other states of the migrations that are kept for the next run


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

    def take_kept(self) -> None:
        """Take the database that an earlier run migrated, where the migrations are the same. SQLite only."""
        if connection.vendor == "sqlite" and (kept := _kept_file()).exists():
            shutil.copy(kept, self.file)
            os.utime(kept)
            self._mark.touch()

    def keep(self) -> None:
        """Keep it for the next run."""
        if connection.vendor != "sqlite":
            return
        kept = _kept_file()
        beside = kept.with_suffix(f".{os.getpid()}")
        shutil.copy(self.file, beside)
        beside.rename(kept)  # a run beside this one sees the whole file or none
        by_age = sorted(kept.parent.glob("*.sqlite3"), key=lambda file: file.stat().st_mtime)
        for old in by_age[:-_KEPT]:
            old.unlink(missing_ok=True)

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


def take_run_number() -> TextIO:
    """Give this test run the lowest number that no other run on this machine has; return the lock that holds it.

    Databases of PostgreSQL have it in their names, so that two runs can use one server, and the next run replaces what
    a killed one has left.
    """
    for number in itertools.count():
        path = Path(tempfile.gettempdir()) / f"custody-test-run-{os.getuid()}-{number}.lock"
        lock = path.open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            continue
        os.environ[RUN] = str(number)
        return lock
    raise AssertionError


def name_of_test_database(worker: str) -> str:
    """Return the name of a worker's test database on PostgreSQL; with "template" that of the template."""
    return f"test_custody_{os.environ[RUN]}_{worker or 'alone'}"


def _kept_file() -> Path:
    """Return where the migrated database of these very migrations is kept: in a folder that only this user can read."""
    folder = Path(tempfile.gettempdir()) / f"custody-test-databases-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid() or folder.is_symlink():
        raise PermissionError(f"{folder} belongs to somebody else. Remove it.")
    state = hashlib.sha256(django.get_version().encode())
    for app in sorted(apps.get_app_configs(), key=lambda app: app.label):
        sources = [*sorted(Path(app.path).glob("migrations/*.py")), *sorted(Path(app.path).glob("models.py"))]
        for file in [*sources, *sorted(Path(app.path).glob("models/*.py"))]:
            state.update(f"{app.label}/{file.name}".encode())
            state.update(file.read_bytes())
    state.update((Path(__file__).parent.parent / "core" / "database_guards.py").read_bytes())
    return folder / f"{state.hexdigest()[:32]}.sqlite3"


def drop(url: str) -> None:
    """Remove a copy, whoever is still connected to it; a file goes with its folder."""
    if connection.vendor != "sqlite":
        with connection._nodb_cursor() as cursor:
            cursor.execute(f'DROP DATABASE "{url.rpartition("/")[2]}" WITH (FORCE)')


def use(template: Template) -> dict[str, Any]:
    """Set Django up to copy the template as its test database;
    return the options that `setup_databases` needs for it.
    """
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
