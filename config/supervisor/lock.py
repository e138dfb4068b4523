"""One supervisor per data directory."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO


class DataInUse(Exception):
    """Another supervisor holds this data directory; the argument is its process id."""


class DataLock:
    """An advisory lock on ``DATA/lock``, held until released or until this process ends, however it ends.

    The file holds the holder's process id and is emptied on a clean stop, so ``was_killed`` tells whether the last holder
    went without one.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None
        self.was_killed = False

    def acquire(self) -> None:
        """Take the lock or raise DataInUse."""
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
        """Say that this stop was a clean one, and let go."""
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
