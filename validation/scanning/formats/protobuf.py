"""Reader of the wire format of Protocol Buffers: a sequence of fields, each with a number and a wire type."""

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
    """One message of a stream. The content of a field that the caller does not read is skipped.

    A damaged message raises Unsafe, whose text contains ``label``.
    """

    def __init__(self, stream: BinaryIO, budget: Budget, label: str) -> None:
        self._size = stream.seek(0, 2)
        stream.seek(0)
        self._source, self._budget, self._label = Source(stream), budget, label

    def fields(self, end: int | None = None) -> Iterator[tuple[int, int, int]]:
        """Yield (field number, wire type, value) up to the offset ``end``, by default the end of the stream.

        The value of a field of bytes is their number; the caller can read them next. Raises Unsafe.
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
        """Yield the fields of the message in the next ``size`` bytes."""
        return self.fields(self._source.tell() + size)

    def text(self, size: int) -> str:
        """Return the next ``size`` bytes as text. Raises Unsafe."""
        return self.data(size, _MAX_TEXT).decode("utf-8", "replace")

    def data(self, size: int, most: int) -> bytes:
        """Return the next ``size`` bytes. Raises Unsafe if ``size`` is over ``most``, or if the stream is too short."""
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
            for index in range(_MAX_VARINT):
                byte = self._source.byte()
                value |= (byte & 0x7F) << (7 * index)
                if byte < _MORE:
                    return value
        except Ended as error:
            raise self.damaged() from error
        raise self.damaged()
