"""Copies of a SQLite database, taken while others write."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from audit.transparency.state import SignedState
from config.backup.facts import Contents, read_contents
from config.backup.files import BackupProblem, sync
from config.backup.readers import SqliteReader, open_sqlite

# What SQLite keeps beside a database; a database that is moved takes them along.
_BESIDE = ("", "-wal", "-shm")


def copy_database(source: Path, target: Path) -> None:
    """Write a copy of one moment of a database. Writers go on meanwhile. Raises BackupProblem.

    VACUUM INTO reads in one transaction. SQLite's online backup starts over after each write of another process, and
    does not end under load.
    """
    try:
        with closing(open_sqlite(source)) as connection:
            connection.execute("VACUUM INTO ?", [str(target)])
    except sqlite3.Error as error:
        raise BackupProblem(f"{source} cannot be copied: {error}") from error
    target.chmod(0o600)
    sync(target)


def checked_contents(path: Path, signed: SignedState | None = None) -> Contents:
    """Return the contents of a copy of a database. Raises BackupProblem where SQLite finds it damaged."""
    try:
        with closing(open_sqlite(path, unchanging=True)) as connection:
            problems = [text for (text,) in connection.execute("PRAGMA integrity_check(3)") if text != "ok"]
            if problems:
                raise BackupProblem(f"{path} is damaged: {'; '.join(problems)}")
            return read_contents(SqliteReader(connection), signed)
    except (sqlite3.Error, ValueError) as error:
        raise BackupProblem(f"{path} cannot be read: {error}") from error


def set_aside(path: Path, suffix: str) -> None:
    """Move a database, with what SQLite keeps beside it, to a name that ends with ``suffix``."""
    for beside in _BESIDE:
        file = path.with_name(f"{path.name}{beside}")
        if file.exists():
            file.rename(path.with_name(f"{path.name}{suffix}{beside}"))
