"""Pages of results: a token holds the offset of the next page, as on MLflow's own servers."""

from __future__ import annotations

import base64
import binascii
from typing import Any, TypeVar

import orjson
from django.db.models import QuerySet

from core.errors import InvalidInput

Row = TypeVar("Row")
_MAX_OFFSET = 2**62


def page_token(offset: int) -> str:
    """Return the token of the page that starts after ``offset`` rows."""
    return base64.b64encode(orjson.dumps({"offset": offset})).decode("ascii")


def page_offset(token: str) -> int:
    """Return how many rows a token skips, 0 for none. Raises InvalidInput: not one of our tokens."""
    if not token:
        return 0
    try:
        offset = orjson.loads(base64.b64decode(token, validate=True))["offset"]
    except (binascii.Error, ValueError, KeyError, TypeError) as error:
        raise InvalidInput("Invalid page token, could not base64-decode") from error
    if not isinstance(offset, int) or isinstance(offset, bool) or not 0 <= offset < _MAX_OFFSET:
        raise InvalidInput("Invalid page token, it holds no offset")
    return offset


def checked_max(max_results: int | None, *, default: int, limit: int) -> int:
    """Return how many rows a page may have. Raises InvalidInput: not between 1 and ``limit``."""
    size = default if max_results is None else max_results
    if size < 1:
        raise InvalidInput(f"Invalid value {size} for parameter 'max_results' supplied. It must be a positive integer")
    if size > limit:
        raise InvalidInput(f"Invalid value {size} for parameter 'max_results' supplied. It must be at most {limit}")
    return size


def take_page(rows: QuerySet[Any, Row], *, size: int, token: str) -> tuple[list[Row], str]:
    """Return one page of an ordered queryset and the token of the next, "" where there is none. One query.

    Raises InvalidInput.
    """
    offset = page_offset(token)
    items = list(rows[offset : offset + size + 1])
    return items[:size], next_token(offset, size, len(items))


def next_token(offset: int, size: int, count: int) -> str:
    """Return the token of the page after this one, "" for none.

    ``count`` is the number of rows that were read, up to one more than the page has.
    """
    return page_token(offset + size) if count > size else ""
