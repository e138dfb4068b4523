"""Parts of a file as files of their own: a window into it,
or a copy of what it unpacks to in bounded temporary space.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

from validation.scanning.report import Budget

_IN_MEMORY = 32 * 1024**2


class Window(io.RawIOBase):
    """A run of bytes of another stream, read in place."""

    def __init__(self, stream: BinaryIO, start: int, size: int) -> None:
        super().__init__()
        self._stream, self._start, self._size, self._at = stream, start, size, 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position in the window."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move in the window."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def read(self, size: int = -1) -> bytes:
        """Return up to ``size`` bytes, all that are left where it is negative."""
        left = max(0, self._size - self._at)
        length = left if size < 0 else min(size, left)
        self._stream.seek(self._start + self._at)
        data = self._stream.read(length)
        self._at += len(data)
        return data


@contextmanager
def spooled(chunks: Iterator[bytes], budget: Budget) -> Iterator[BinaryIO]:
    """Yield the chunks as one file that can be read twice; a large one on disk, within the budget's temporary space.

    What raises while the chunks are made is raised from the ``with`` line.
    """
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as plain:
        size = 0
        try:
            for chunk in chunks:
                budget.spend_unpacked(len(chunk))
                budget.take_temp(len(chunk))
                size += len(chunk)
                plain.write(chunk)
            plain.seek(0)
            yield cast("BinaryIO", plain)
        finally:
            budget.give_temp(size)
