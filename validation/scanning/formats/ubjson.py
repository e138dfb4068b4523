"""Detection of XGBoost models in UBJSON: nested values, read to the last byte."""

from __future__ import annotations

from typing import BinaryIO

from validation.scanning.pickles.source import Ended, Source
from validation.scanning.report import Budget

_FIXED = {ord(mark): size for mark, size in zip("ZNTFiUIlLdDC", (0, 0, 0, 0, 1, 1, 2, 4, 8, 4, 8, 1), strict=True)}
_INTEGERS = {ord("i"): 1, ord("U"): 1, ord("I"): 2, ord("l"): 4, ord("L"): 8}
_TEXTS = frozenset(b"SH")
_MAX_DEPTH = 100


class _NotUnderstood(Exception):
    """The bytes are not of this format."""


def is_xgboost(stream: BinaryIO, budget: Budget) -> bool:
    """Return whether the whole file is one UBJSON object with the entries of an XGBoost model."""
    source = Source(stream)
    try:
        if source.byte() != ord("{"):
            return False
        keys = _object(source, budget, 0)
        return {b"learner", b"version"} <= keys and source.at_end()
    except (_NotUnderstood, Ended):
        return False


def _object(source: Source, budget: Budget, depth: int) -> set[bytes]:
    keys = set()
    while (mark := source.byte()) != ord("}"):
        keys.add(source.take_unless_long(_length(source, mark)) or b"")
        _value(source, budget, source.byte(), depth)
    return keys


def _value(source: Source, budget: Budget, mark: int, depth: int) -> None:
    budget.spend_steps(1)
    if depth > _MAX_DEPTH:
        raise _NotUnderstood
    if mark in _FIXED:
        source.skip(_FIXED[mark])
    elif mark in _TEXTS:
        source.skip(_length(source, source.byte()))
    elif mark == ord("{"):
        _object(source, budget, depth + 1)
    elif mark == ord("["):
        _array(source, budget, depth + 1)
    else:
        raise _NotUnderstood


def _array(source: Source, budget: Budget, depth: int) -> None:
    mark = source.byte()
    if mark == ord("$"):
        kind = source.byte()
        if kind not in _FIXED or source.byte() != ord("#"):
            raise _NotUnderstood
        source.skip(_FIXED[kind] * _length(source, source.byte()))
    elif mark == ord("#"):
        for _ in range(_length(source, source.byte())):
            _value(source, budget, source.byte(), depth)
    else:
        while mark != ord("]"):
            _value(source, budget, mark, depth)
            mark = source.byte()


def _length(source: Source, mark: int) -> int:
    if mark not in _INTEGERS:
        raise _NotUnderstood
    size = int.from_bytes(source.take(_INTEGERS[mark]), "big")
    if size >> (8 * _INTEGERS[mark] - 1) and mark != ord("U"):
        raise _NotUnderstood
    return size
