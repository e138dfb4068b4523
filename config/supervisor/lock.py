"""The lock of a data directory: only one supervisor uses it at a time."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO


class DataInUse(Exception):
    """Another supervisor holds the lock. The message is its process id."""


class DataLock:
    """An advisory lock on a file, held until it is released or this process ends in any way.

    The file contains the process id of the holder and is emptied on release: ``was_killed`` tells whether the last
    holder ended without releasing it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None
        self.was_killed = False

    def acquire(self) -> None:
        """Take the lock. Raises DataInUse where another process holds it."""
        self._file = self._path.open("a+", encoding="utf-8")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = self._content()
            self._file.close()
            raise DataInUse(holder) from error
        self.was_killed = bool(self._content())
        self._write(str(os.getpid()))

    def release(self) -> None:
        """Empty the file and release the lock."""
        if self._file is not None:
            self._write("")
            self._file.close()
            self._file = None

    def _content(self) -> str:
        assert self._file is not None  # noqa: S101 - acquire() has opened it
        self._file.seek(0)
        return self._file.read().strip()

    def _write(self, content: str) -> None:
        assert self._file is not None  # noqa: S101 - acquire() has opened it
        self._file.truncate(0)
        self._file.write(content)
        self._file.flush()
