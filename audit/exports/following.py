"""Reads the file of an export while a worker writes it, so that a download begins before the export is finished.

It looks at the files only: a worker renames a finished file, and removes one that it gives up. So a long download holds
no connection to the database.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_PIECE = 1 << 18
_PAUSE_SECONDS = 0.1
_SILENCE_SECONDS = 120.0


class ExportBroken(Exception):
    """The export ended before its file was complete; what was read is no export."""


def follow(file: BinaryIO, finished: Path) -> Iterator[bytes]:
    """Yield the bytes of an open file as it grows, until it is at the path ``finished``, and close it.

    Raises ExportBroken.
    """
    with file:
        quiet_since = time.monotonic()
        while True:
            complete = _is_at(file, finished)  # checked before reading: a finished file has all its bytes
            while piece := file.read(_PIECE):
                quiet_since = time.monotonic()
                yield piece
            if complete:
                return
            if os.fstat(file.fileno()).st_nlink == 0:
                raise ExportBroken("the export failed or was started again")
            if time.monotonic() - quiet_since > _SILENCE_SECONDS:
                raise ExportBroken("the worker writes no more")
            time.sleep(_PAUSE_SECONDS)


def _is_at(file: BinaryIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
