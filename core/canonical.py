"""Canonical bytes: a subset of JSON in which `orjson` with sorted keys equals RFC 8785 (JCS) byte for byte.

Keys are text. Floats become decimal strings, and integers beyond 2^53-1 become strings. Values deeper than MAX_DEPTH
and long texts are replaced by their digest: the event proves the value without containing it. audit/services.py keeps
each event below MAX_BYTES.
"""

from __future__ import annotations

import datetime
import hashlib
import math
import uuid
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import orjson

from core.times import iso_utc

MAX_BYTES = 16 * 1024
MAX_DEPTH = 8
_MAX_INT = 2**53 - 1
_LONG_TEXT = 1000
_LONG_LIST = 100


def canonical_bytes(value: object) -> bytes:
    """Return the canonical bytes of a JSON-like value."""
    return orjson.dumps(plain(value), option=orjson.OPT_SORT_KEYS)


def digest_of(value: object) -> str:
    """Return SHA-256 (hex) over the canonical bytes of the whole value, with nothing shortened."""
    return hashlib.sha256(orjson.dumps(plain(value, shorten=False), option=orjson.OPT_SORT_KEYS)).hexdigest()


def plain(value: object, *, shorten: bool = True, depth: int = 0) -> Any:
    """Return ``value`` as canonical JSON values: text, int, bool, None, lists and mappings of them.

    With ``shorten``, long texts and lists are replaced by a digest.
    """
    if depth > MAX_DEPTH:
        return _digested(repr(value))
    if type(value) is str:  # most values are: asking for abstract types takes longer than the rest
        return _shortened(_text(value), shorten=shorten)
    if value is None or isinstance(value, int | float):
        return _scalar(value, shorten=shorten)
    if isinstance(value, Mapping):
        return _mapping(value, shorten=shorten, depth=depth)
    if isinstance(value, Sequence | set | frozenset) and not isinstance(value, str | bytes | bytearray):
        return _sequence(value, shorten=shorten, depth=depth)
    return _scalar(value, shorten=shorten)


def _mapping(value: Mapping[Any, Any], *, shorten: bool, depth: int) -> dict[str, Any]:
    """Return a mapping with plain values; a long one is cut, with the number of keys left out and a digest of the
    whole.
    """
    full = {_text(str(key)): plain(item, shorten=shorten, depth=depth + 1) for key, item in value.items()}
    if not shorten or len(full) <= _LONG_LIST:
        return full
    first = dict(sorted(full.items())[:_LONG_LIST])
    return {**first, "more": {"count": len(full) - _LONG_LIST, "sha256": digest_of(value)}}


def _sequence(value: Any, *, shorten: bool, depth: int) -> list[Any]:
    items = sorted(value, key=str) if isinstance(value, set | frozenset) else list(value)
    if shorten and len(items) > _LONG_LIST:
        cut = {"count": len(items) - _LONG_LIST, "sha256": digest_of(items)}
        return [*(plain(item, depth=depth + 1) for item in items[:_LONG_LIST]), cut]
    return [plain(item, shorten=shorten, depth=depth + 1) for item in items]


def _scalar(value: object, *, shorten: bool) -> object:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value) if abs(value) <= _MAX_INT else str(int(value))
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, datetime.datetime):
        return iso_utc(value, "microseconds")
    if isinstance(value, bytes | bytearray | memoryview):
        return {"sha256": hashlib.sha256(bytes(value)).hexdigest(), "length": len(value)}
    text = _text(str(value)) if isinstance(value, str | uuid.UUID | Decimal | datetime.date) else _text(repr(value))
    return _shortened(text, shorten=shorten)


def _shortened(text: str, *, shorten: bool) -> object:
    return _digested(text) if shorten and len(text) > _LONG_TEXT else text


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return repr(value)


def _text(text: str) -> str:
    """Return text without lone surrogates, which have no UTF-8 form."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _digested(text: str) -> dict[str, object]:
    data = text.encode("utf-8", "replace")
    return {"sha256": hashlib.sha256(data).hexdigest(), "length": len(text)}
