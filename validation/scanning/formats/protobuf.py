"""The wire format of Protocol Buffers, read without a library: fields with a number and a wire type, one after the
other.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from validation.scanning.pickles.source import Ended, Source
from validation.scanning.report import Budget, Unsafe

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_MAX_VARINT = 10
_MAX_TEXT = 10_000
_FIXED = {FIXED64: 8, FIXED32: 4}
_MORE = 0x80


class Message:
    """One message of a stream: iterate over its fields; those not asked for are passed over.

    Raises Unsafe, which begins with ``what``, where the message is damaged.
    """

    def __init__(self, stream: BinaryIO, budget: Budget, label: str) -> None:
        self._size = stream.seek(0, 2)
        stream.seek(0)
        self._source, self._budget, self._label = Source(stream), budget, label

    def fields(self, end: int | None = None) -> Iterator[tuple[int, int, int]]:
        """Yield (field number, wire type, value) up to a place: of bytes the value is their number,
        and they lie next.
        """
        source = self._source
        until = self._size if end is None else end
        while source.tell() < until:
            self._budget.spend_steps(1)
            tag = self._varint()
            number, wire = tag >> 3, tag & 7
            if number == 0 or wire not in {VARINT, FIXED64, BYTES, FIXED32}:
                raise self.damaged()
            if wire == VARINT:
                yield number, wire, self._varint()
            elif wire in _FIXED:
                yield number, wire, self._number(_FIXED[wire])
            else:
                size = self._varint()
                after = source.tell() + size
                if after > until:
                    raise self.damaged()
                yield number, wire, size
                source.skip(after - source.tell())
        if source.tell() != until:
            raise self.damaged()

    def inside(self, size: int) -> Iterator[tuple[int, int, int]]:
        """Yield the fields of the message of this size that lies next."""
        return self.fields(self._source.tell() + size)

    def text(self, size: int) -> str:
        """Return the text of this size that lies next."""
        return self.data(size, _MAX_TEXT).decode("utf-8", "replace")

    def data(self, size: int, most: int) -> bytes:
        """Return the bytes of this size that lie next. Raises Unsafe where they are more than ``most``."""
        if size > most:
            raise self.damaged()
        try:
            return self._source.take(size)
        except Ended as error:
            raise self.damaged() from error

    def damaged(self) -> Unsafe:
        """Return the error for an invalid message."""
        return Unsafe(f"as {self._label} it is damaged")

    def _number(self, size: int) -> int:
        try:
            return self._source.number(size)
        except Ended as error:
            raise self.damaged() from error

    def _varint(self) -> int:
        value = 0
        try:
            for place in range(_MAX_VARINT):
                byte = self._source.byte()
                value |= (byte & 0x7F) << (7 * place)
                if byte < _MORE:
                    return value
        except Ended as error:
            raise self.damaged() from error
        raise self.damaged()
