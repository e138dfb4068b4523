"""Values of SQLite's columns as PostgreSQL takes them, and one text for equal values of both."""

from __future__ import annotations

import datetime
import hashlib
import json
import math
import uuid
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from core.times import iso_utc

_DIGEST_BITS = 256

# PostgreSQL's type of a column → what makes its value of the one that SQLite has. Other types take the value as it is.
_CONVERTERS: dict[str, Callable[[Any], Any]] = {
    "boolean": bool,
    "bytea": bytes,
    "date": datetime.date.fromisoformat,
    "double precision": float,
    "interval": lambda microseconds: datetime.timedelta(microseconds=microseconds),
    "jsonb": json.loads,
    "numeric": lambda number: Decimal(str(number)),
    "timestamp with time zone": lambda text: datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.UTC),
    "uuid": uuid.UUID,
}


def converted(value: Any, kind: str) -> Any:
    """Return a value of SQLite as the Python value that PostgreSQL gives for a column of that type.

    Raises ValueError, TypeError where it is no such value.
    """
    convert = _CONVERTERS.get(kind)
    return value if value is None or convert is None else convert(value)


def writable(value: Any, kind: str) -> Any:
    """Return a value of SQLite as it is written to PostgreSQL: documents as the text that SQLite has.

    Raises ValueError, TypeError where it is no value of that type.
    """
    return value if kind == "jsonb" else converted(value, kind)


def digest_of_row(row: Sequence[Any]) -> int:
    """Return a digest of the Python values of a row as a whole number."""
    text = json.dumps([_plain(value) for value in row], sort_keys=True, ensure_ascii=False)
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest())


def add_digest(total: int, row: Sequence[Any]) -> int:
    """Return the digest of a set of rows with one more, which does not depend on their order."""
    return (total + digest_of_row(row)) % (1 << _DIGEST_BITS)


def _plain(value: Any) -> Any:
    """Return a value as JSON has it, with its type where that would be lost."""
    if isinstance(value, bytes | bytearray | memoryview):
        return ["bytes", bytes(value).hex()]
    if isinstance(value, datetime.datetime):
        return ["time", iso_utc(value)]
    if isinstance(value, datetime.date | datetime.timedelta | uuid.UUID):
        return [type(value).__name__, str(value)]
    if isinstance(value, Decimal):
        return ["decimal", str(value.normalize())]
    return _number(value) if isinstance(value, float) else _document(value)


def _document(value: Any) -> Any:
    """Return a JSON document with equal numbers written alike: PostgreSQL keeps 1.0, and 1e2 becomes 100."""
    if isinstance(value, dict):
        return {key: _document(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_document(part) for part in value]
    return _number(value) if isinstance(value, float) else value


def _number(value: float) -> Any:
    if math.isfinite(value) and value == int(value):
        return int(value)
    return repr(value)
