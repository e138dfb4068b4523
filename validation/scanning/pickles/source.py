"""Reads a stream opcode by opcode from a small window, so that a large pickle costs neither memory nor many calls."""

from __future__ import annotations

from typing import BinaryIO

_WINDOW = 1 << 16
MAX_KEPT = 2048


class Ended(Exception):
    """The stream ends before the unpickler has what it needs."""


class Source:
    """A seekable stream, read forwards. Positions are absolute in the stream."""

    __slots__ = ("_at", "_base", "_data", "_stream")

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._base = stream.tell()
        self._data = b""
        self._at = 0

    def tell(self) -> int:
        """Return the position of the next byte."""
        return self._base + self._at

    def at_end(self) -> bool:
        """Return whether no byte is left."""
        return self._at >= len(self._data) and not self._fill(1)

    def byte(self) -> int:
        """Return the next byte. Raises Ended where there is none."""
        at = self._at
        if at >= len(self._data):
            if not self._fill(1):
                raise Ended
            at = 0
        self._at = at + 1
        return self._data[at]

    def take(self, size: int) -> bytes:
        """Return the next ``size`` bytes, at most the size of the window. Raises Ended where there are fewer."""
        at = self._at
        if at + size > len(self._data):
            if not self._fill(size):
                raise Ended
            at = 0
        self._at = at + size
        return self._data[at : at + size]

    def number(self, size: int) -> int:
        """Return the next ``size`` bytes as an unsigned little-endian number."""
        return int.from_bytes(self.take(size), "little")

    def skip(self, size: int) -> None:
        """Pass over ``size`` bytes. Raises Ended where there are fewer."""
        left = len(self._data) - self._at
        if size <= left:
            self._at += size
            return
        target = self.tell() + size
        whole = self._stream.seek(0, 2)
        self._move_to(min(target, whole))
        if target > whole:
            raise Ended

    def take_unless_long(self, size: int) -> bytes | None:
        """Return the next ``size`` bytes, or pass over them and return None where they are too many to keep."""
        if size <= MAX_KEPT:
            return self.take(size)
        self.skip(size)
        return None

    def line(self) -> tuple[bytes, bool]:
        """Return the bytes before the next line feed, and whether there was one.

        Of a line without an end the unpicklers drop the last byte; so does this. Of a long line the beginning is
        returned, which is longer than MAX_KEPT.
        """
        line = b""
        while True:
            end = self._data.find(b"\n", self._at)
            piece = self._data[self._at : end if end >= 0 else len(self._data)]
            if len(line) <= MAX_KEPT:
                line += piece
            if end >= 0:
                self._at = end + 1
                return line, True
            self._at = len(self._data)
            if not self._fill(1):
                return line[:-1], False

    def _fill(self, size: int) -> bool:
        """Read on until the window holds ``size`` bytes; return whether it does."""
        unread = self._data[self._at :]
        self._base += self._at
        self._at = 0
        parts = [unread]
        have = len(unread)
        while have < size and (more := self._stream.read(_WINDOW)):
            parts.append(more)
            have += len(more)
        self._data = b"".join(parts)
        return have >= size

    def _move_to(self, position: int) -> None:
        self._stream.seek(position)
        self._base, self._data, self._at = position, b"", 0

    def release(self) -> None:
        """Set the position of the stream to the next byte, for the next reader."""
        self._stream.seek(self.tell())
