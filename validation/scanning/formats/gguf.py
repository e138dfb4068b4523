"""Scan of GGUF files: weights of language models after a list of keys and values."""

from __future__ import annotations

from typing import BinaryIO

from validation.scanning.pickles.source import Ended, Source
from validation.scanning.report import Budget, FileReport, Unsafe
from validation.scanning.text.plain import reaches_python

MAGIC = b"GGUF"
_VERSIONS = {2, 3}
_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_TEXT, _ARRAY = 8, 9
_MAX_ENTRIES, _MAX_TEMPLATE, _MAX_DEPTH = 100_000, 1 << 20, 3


def scan_gguf(report: FileReport, stream: BinaryIO, budget: Budget) -> None:
    """Scan the entries of a GGUF file. Raises Unsafe for a template that uses attributes of Python objects."""
    source = Source(stream)
    try:
        source.take(4)
        version, _, entries = source.number(4), source.number(8), source.number(8)
        if version not in _VERSIONS or entries > _MAX_ENTRIES:
            raise Unsafe("as a GGUF file it is damaged, or of a version that is not read here")
        for _ in range(entries):
            budget.spend_steps(1)
            key = source.take_unless_long(source.number(8)) or b""
            _value(source, budget, source.number(4), key, depth=0)
    except Ended as error:
        raise Unsafe("as a GGUF file it is damaged") from error
    report.format = "GGUF weights"


def _value(source: Source, budget: Budget, kind: int, key: bytes, *, depth: int) -> None:
    if kind == _TEXT:
        size = source.number(8)
        if b"template" not in key:
            source.skip(size)
        elif size > _MAX_TEMPLATE or reaches_python(_long(source, size)):
            raise Unsafe("its chat template reaches into Python's own objects, or is too long")
    elif kind == _ARRAY and depth < _MAX_DEPTH:
        inner, count = source.number(4), source.number(8)
        if inner in _SIZES:
            source.skip(_SIZES[inner] * count)
            return
        budget.spend_steps(count)
        for _ in range(count):
            _value(source, budget, inner, key, depth=depth + 1)
    elif kind in _SIZES:
        source.skip(_SIZES[kind])
    else:
        raise Unsafe("as a GGUF file it is damaged")


def _long(source: Source, size: int) -> str:
    taken = b"".join(source.take(min(2048, size - offset)) for offset in range(0, size, 2048))
    return taken.decode("utf-8", "replace")
