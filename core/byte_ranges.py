"""Range requests (RFC 9110, section 14): one range of bytes. Any other request gets the whole file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import BinaryIO

# 18 digits are enough for the size of any file; an end beyond it is the end of the file.
_ONE_RANGE = re.compile(r"bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,40})", re.IGNORECASE | re.ASCII)


class Unsatisfiable(Exception):
    """The range starts after the end of the file (416)."""


@dataclass(frozen=True, slots=True)
class Span:
    """The bytes from ``start`` up to, not including, ``stop``."""

    start: int
    stop: int

    @property
    def length(self) -> int:
        """Return the number of bytes."""
        return self.stop - self.start


def span_of(header: str, if_range: str, *, size: int, etag: str) -> Span | None:
    """Return the one range a request asks for, None where the whole file is the answer; raise Unsatisfiable.

    ``header`` and ``if_range`` are the fields Range and If-Range, "" where there are none. A range counts only for the
    file that the caller has a part of: If-Range must be exactly this strong ETag. Dates are never precise enough for
    that.
    """
    match = _ONE_RANGE.fullmatch(header.strip())
    if match is None or (if_range and if_range.strip() != etag):
        return None
    first, last = match.groups()
    if not first:
        return _suffix(last, size)
    if last and int(last) < int(first):
        return None
    if int(first) >= size:
        raise Unsatisfiable
    return Span(int(first), min(int(last) + 1, size) if last else size)


def _suffix(length: str, size: int) -> Span | None:
    if not length:
        return None
    if int(length) == 0 or size == 0:
        raise Unsatisfiable
    return Span(max(0, size - int(length)), size)


class Window:
    """A part of an open file, with the methods `read` and `close`."""

    def __init__(self, file: BinaryIO, span: Span) -> None:
        self._file = file
        self._left = span.length
        file.seek(span.start)

    def read(self, size: int) -> bytes:
        """Return the next piece of the part, empty at its end."""
        piece = self._file.read(min(size, self._left))
        self._left -= len(piece)
        return piece

    def close(self) -> None:
        """Close the file."""
        self._file.close()
