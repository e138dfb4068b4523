"""MessagePack, the format of spaCy's parts and of Flax: values in one another, followed to the last byte."""

from __future__ import annotations

from typing import BinaryIO

from validation.scanning.pickles.source import Ended, Source
from validation.scanning.report import Budget, FileReport, Unsafe

_MAX_DEPTH = 100
# The marks of values, with how many bytes their length or their content has.
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
_SMALL_INTEGER, _SMALL_MAP, _SMALL_ARRAY, _SMALL_TEXT, _NEGATIVE = 0x7F, 0x8F, 0x9F, 0xBF, 0xE0


class _Strange(Exception):
    """The bytes are not of this format."""


class _Objects:
    """Stands for a value that holds an array of pickled objects."""


_OBJECTS = _Objects()


def scan_msgpack(report: FileReport, stream: BinaryIO, budget: Budget) -> bool:
    """Judge a MessagePack file of one map or array; return False where it is none.

    msgpack-numpy unpickles an array of objects: a map of `nd` and `kind` "O". Such a file is refused.
    """
    source = Source(stream)
    try:
        mark = source.byte()
        if not (_SMALL_INTEGER < mark <= _SMALL_ARRAY or mark in _MAPS or mark in _ARRAYS):
            return False
        objects = _value(source, budget, mark, 0) is _OBJECTS
        if not source.at_end():
            return False
    except (_Strange, Ended):
        return False
    report.format = "MessagePack"
    if objects:
        raise Unsafe("it holds an array of objects, which loading it unpickles")
    return True


def _value(source: Source, budget: Budget, mark: int, depth: int) -> bytes | _Objects | None:
    """Pass over a value; return its text where it is a short one, _OBJECTS where it holds a pickled array."""
    budget.spend_steps(1)
    if depth > _MAX_DEPTH:
        raise _Strange
    if mark in _PLAIN:
        source.skip(_PLAIN[mark])
    elif mark in _EXTENSIONS:
        source.skip(_big(source, _EXTENSIONS[mark]) + 1)
    elif mark in _BYTES:
        return source.kept(_big(source, _BYTES[mark]))
    elif mark in _MAPS:
        return _map(source, budget, _big(source, _MAPS[mark]), depth + 1)
    elif mark in _ARRAYS:
        return _array(source, budget, _big(source, _ARRAYS[mark]), depth + 1)
    else:
        return _small(source, budget, mark, depth)
    return None


def _small(source: Source, budget: Budget, mark: int, depth: int) -> bytes | _Objects | None:
    """Pass over a value whose mark says its length."""
    if mark <= _SMALL_INTEGER or mark >= _NEGATIVE:
        return None
    if mark <= _SMALL_MAP:
        return _map(source, budget, mark & 0x0F, depth + 1)
    if mark <= _SMALL_ARRAY:
        return _array(source, budget, mark & 0x0F, depth + 1)
    if mark <= _SMALL_TEXT:
        return source.kept(mark & 0x1F)
    raise _Strange


def _big(source: Source, size: int) -> int:
    return int.from_bytes(source.take(size), "big")


def _array(source: Source, budget: Budget, count: int, depth: int) -> _Objects | None:
    found = None
    for _ in range(count):
        if _value(source, budget, source.byte(), depth) is _OBJECTS:
            found = _OBJECTS
    return found


def _map(source: Source, budget: Budget, count: int, depth: int) -> _Objects | None:
    found = None
    kinds: dict[bytes, object] = {}
    for _ in range(count):
        key = _value(source, budget, source.byte(), depth)
        value = _value(source, budget, source.byte(), depth)
        if key in (b"nd", b"kind"):
            kinds[bytes(key)] = value
        if _OBJECTS in (key, value):
            found = _OBJECTS
    return _OBJECTS if kinds.get(b"kind") == b"O" and b"nd" in kinds else found
