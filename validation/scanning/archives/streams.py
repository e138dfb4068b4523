"""Streams for parts of a file: a window into the file, or an unpacked copy in limited temporary space."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

from validation.scanning.report import Budget

_IN_MEMORY = 32 * 1024**2


class Window(io.RawIOBase):
    """A range of bytes of another stream, read in place."""

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
        """Return up to ``size`` bytes; all the remaining ones if it is negative."""
        remaining = max(0, self._size - self._at)
        length = remaining if size < 0 else min(size, remaining)
        self._stream.seek(self._start + self._at)
        data = self._stream.read(length)
        self._at += len(data)
        return data


@contextmanager
def spooled(chunks: Iterator[bytes], budget: Budget) -> Iterator[BinaryIO]:
    """Yield the chunks as one seekable file, which is on disk if it is large. Its size counts in the budget.

    An exception of the iterator is raised by the ``with`` statement. Raises what the budget raises at its limits.
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
