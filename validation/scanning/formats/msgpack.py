"""Scan of MessagePack files, which spaCy and Flax write: nested values, read to the last byte."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, cast

from validation.scanning.archives.compressed import compression_of
from validation.scanning.archives.streams import Window
from validation.scanning.pickles.source import Ended, Source
from validation.scanning.report import Budget, FileReport, Unsafe

_MAX_DEPTH = 100
# The first byte of a value, with the number of bytes of its length (bytes, maps, arrays, extensions) or content.
_BYTES = {0xC4: 1, 0xC5: 2, 0xC6: 4, 0xD9: 1, 0xDA: 2, 0xDB: 4}
_MAPS = {0xDE: 2, 0xDF: 4}
_ARRAYS = {0xDC: 2, 0xDD: 4}
_EXTENSIONS = {0xC7: 1, 0xC8: 2, 0xC9: 4}
_PLAIN = {
    0xC0: 0,
    0xC2: 0,
    0xC3: 0,
    0xCA: 4,
    0xCB: 8,
    0xCC: 1,
    0xCD: 2,
    0xCE: 4,
    0xCF: 8,
    0xD0: 1,
    0xD1: 2,
    0xD2: 4,
    0xD3: 8,
    0xD4: 2,
    0xD5: 3,
    0xD6: 5,
    0xD7: 9,
    0xD8: 17,
}
# Shorter bytes cannot import and call something, nor can bytes without an importing opcode or the magic bytes of a zip.
_SHORTEST_PICKLE = 8
_IMPORTING = re.compile(rb"[\n\x82-\x84\x93]|PK")
_SMALL_INTEGER, _SMALL_MAP, _SMALL_ARRAY, _SMALL_TEXT, _NEGATIVE = 0x7F, 0x8F, 0x9F, 0xBF, 0xE0


class _NotUnderstood(Exception):
    """The bytes are not of this format."""


class _Objects:
    """Marker for a value that contains an array of pickled objects."""


_OBJECTS = _Objects()


Inner = Callable[[FileReport, BinaryIO], None]


@dataclass(frozen=True, slots=True)
class _Part:
    """A value of bytes in a file: its offset and its size."""

    start: int
    size: int


def scan_msgpack(report: FileReport, stream: BinaryIO, budget: Budget, inner: Inner) -> bool:
    """Scan a MessagePack file that is one map or array. Return False for any other file.

    msgpack-numpy unpickles an array of objects, which is a map with `nd` and `kind` "O", so such a file is refused.
    ``inner`` scans values of bytes, because spaCy unpickles those that PyTorch has written.
    """
    parts: list[_Part] = []
    if not _scan(report, stream, budget, parts):
        return False
    for part in parts:
        part_report = FileReport(name="a value in it")
        inner(part_report, cast("BinaryIO", Window(stream, part.start, part.size)))
        if part_report.loadable or part_report.format == "MessagePack":
            report.take_over(part_report, "a value in it: ")
    return True


def _scan(report: FileReport, stream: BinaryIO, budget: Budget, parts: list[_Part]) -> bool:
    """Read the values of a file and add values of bytes to ``parts``. Return False if the file is of another format."""
    source = Source(stream)
    try:
        mark = source.byte()
        if not (_SMALL_INTEGER < mark <= _SMALL_ARRAY or mark in _MAPS or mark in _ARRAYS):
            return False
        objects = _Walk(source, budget, parts).value(mark, 0) is _OBJECTS
        if not source.at_end():
            return False
    except (_NotUnderstood, Ended):
        return False
    report.format = "MessagePack"
    if objects:
        raise Unsafe("it holds an array of objects, which loading it unpickles")
    return True


@dataclass(frozen=True, slots=True)
class _Walk:
    """Reads the nested values of a file."""

    source: Source
    budget: Budget
    parts: list[_Part]

    def value(self, mark: int, depth: int) -> bytes | _Objects | None:
        """Read a value. Return its bytes if it is a short text, _OBJECTS if it contains an array of pickled objects."""
        self.budget.spend_steps(1)
        if depth > _MAX_DEPTH:
            raise _NotUnderstood
        if mark in _PLAIN:
            self.source.skip(_PLAIN[mark])
        elif mark in _EXTENSIONS:
            self._bytes(self._big(_EXTENSIONS[mark]), before=1)
        elif mark in _BYTES:
            return self._bytes(self._big(_BYTES[mark]))
        elif mark in _MAPS:
            return self._map(self._big(_MAPS[mark]), depth + 1)
        elif mark in _ARRAYS:
            return self._array(self._big(_ARRAYS[mark]), depth + 1)
        else:
            return self._small(mark, depth)
        return None

    def _small(self, mark: int, depth: int) -> bytes | _Objects | None:
        """Read a value whose first byte contains its length."""
        if mark <= _SMALL_INTEGER or mark >= _NEGATIVE:
            return None
        if mark <= _SMALL_MAP:
            return self._map(mark & 0x0F, depth + 1)
        if mark <= _SMALL_ARRAY:
            return self._array(mark & 0x0F, depth + 1)
        if mark <= _SMALL_TEXT:
            return self._bytes(mark & 0x1F)
        raise _NotUnderstood

    def _bytes(self, size: int, before: int = 0) -> bytes | None:
        """Read a value of bytes after ``before`` bytes of its type, and add it to the parts if it may be loadable."""
        self.source.skip(before)
        start = self.source.tell()
        value = self.source.take_unless_long(size)
        if value is None or (size >= _SHORTEST_PICKLE and (_IMPORTING.search(value) or compression_of(value))):
            self.parts.append(_Part(start, size))
        return value

    def _big(self, size: int) -> int:
        return int.from_bytes(self.source.take(size), "big")

    def _array(self, count: int, depth: int) -> _Objects | None:
        problem = None
        for _ in range(count):
            if self.value(self.source.byte(), depth) is _OBJECTS:
                problem = _OBJECTS
        return problem

    def _map(self, count: int, depth: int) -> _Objects | None:
        problem = None
        kinds: dict[bytes, object] = {}
        for _ in range(count):
            key = self.value(self.source.byte(), depth)
            value = self.value(self.source.byte(), depth)
            if key in (b"nd", b"kind"):
                kinds[bytes(key)] = value
            if _OBJECTS in (key, value):
                problem = _OBJECTS
        return _OBJECTS if kinds.get(b"kind") == b"O" and b"nd" in kinds else problem
