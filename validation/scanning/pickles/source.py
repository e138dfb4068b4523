"""Reader of a stream through a small buffer, so that a large pickle needs neither much memory nor many calls."""

from __future__ import annotations

from typing import BinaryIO

_WINDOW = 1 << 16
MAX_KEPT = 2048


class Ended(Exception):
    """The stream ends before the bytes that are needed."""


class Source:
    """A seekable stream, read from start to end. Positions are offsets in the stream."""

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
        """Return whether the stream is at its end."""
        return self._at >= len(self._data) and not self._fill(1)

    def byte(self) -> int:
        """Return the next byte. Raises Ended at the end of the stream."""
        at = self._at
        if at >= len(self._data):
            if not self._fill(1):
                raise Ended
            at = 0
        self._at = at + 1
        return self._data[at]

    def take(self, size: int) -> bytes:
        """Return the next ``size`` bytes, which are kept in memory. Raises Ended if there are fewer."""
        at = self._at
        if at + size > len(self._data):
            if not self._fill(size):
                raise Ended
            at = 0
        self._at = at + size
        return self._data[at : at + size]

    def number(self, size: int) -> int:
        """Return the next ``size`` bytes as an unsigned little-endian number. Raises Ended if there are fewer."""
        return int.from_bytes(self.take(size), "little")

    def skip(self, size: int) -> None:
        """Skip ``size`` bytes. Raises Ended if there are fewer."""
        buffered = len(self._data) - self._at
        if size <= buffered:
            self._at += size
            return
        target = self.tell() + size
        stream_size = self._stream.seek(0, 2)
        self._move_to(min(target, stream_size))
        if target > stream_size:
            raise Ended

    def take_unless_long(self, size: int) -> bytes | None:
        """Return the next ``size`` bytes; skip them and return None if they are more than MAX_KEPT.

        Raises Ended if there are fewer.
        """
        if size <= MAX_KEPT:
            return self.take(size)
        self.skip(size)
        return None

    def line(self) -> tuple[bytes, bool]:
        """Return the bytes before the next line feed, and whether there was one.

        Unpicklers drop the last byte of a line without a line feed, and so does this. For a long line only the start is
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
        """Read until the buffer has ``size`` unread bytes. Return whether it has."""
        unread = self._data[self._at :]
        self._base += self._at
        self._at = 0
        parts = [unread]
        count = len(unread)
        while count < size and (chunk := self._stream.read(_WINDOW)):
            parts.append(chunk)
            count += len(chunk)
        self._data = b"".join(parts)
        return count >= size

    def _move_to(self, position: int) -> None:
        self._stream.seek(position)
        self._base, self._data, self._at = position, b"", 0

    def release(self) -> None:
        """Set the position of the stream to the next byte, for the next reader."""
        self._stream.seek(self.tell())
