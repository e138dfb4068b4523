"""Limits of length and number for the parts of a trace.

Long values of tags, metadata and previews are cut, not refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from core.errors import InvalidInput, TooLarge
from tracking.limits import checked_text

MAX_TRACE_ID = 50
MAX_KEY = 250
MAX_VALUE = 8000
MAX_PREVIEW = 10_000
MAX_PAIRS = 1000
MAX_SPANS = 10_000
MAX_LINKS = 100
MAX_DELETED_IDS = 1000
MAX_ASSESSMENTS = 1000
MAX_ASSESSMENT_BYTES = 100_000
INT64_MAX = 2**63 - 1
# The last millisecond of the year 9999: times are written as dates.
MAX_MS = 253_402_300_799_999
_TRACE_ID = re.compile(r"[A-Za-z0-9._\-]{1,50}")
_SHOWN = 100


def quoted(text: str) -> str:
    """Return a text from a client as a message shows it: quoted, cut to 100 characters."""
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")


def checked_trace_id(trace_id: str) -> str:
    """Return a trace id of 1 to 50 letters, digits, dots, dashes and underscores. Raises InvalidInput."""
    if not _TRACE_ID.fullmatch(trace_id):
        raise InvalidInput(
            f"Invalid trace ID {quoted(trace_id)}: it has 1 to {MAX_TRACE_ID} letters, digits, '.', '-' and '_'."
        )
    return trace_id


def checked_pairs(pairs: Mapping[str, str], *, field: str) -> dict[str, str]:
    """Return tags or metadata, their values cut to 8000 characters.

    Raises InvalidInput: a bad key, a NUL or half a surrogate pair. Raises TooLarge: more than 1000 of them.
    """
    if len(pairs) > MAX_PAIRS:
        raise TooLarge(f"A trace can be given at most {MAX_PAIRS} {field} at once. Got {len(pairs)}.")
    return {
        checked_key(key, field=field): checked_value(value, field=f"{field}.{key[:_SHOWN]}")
        for key, value in pairs.items()
    }


def checked_key(key: str, *, field: str) -> str:
    """Return the key of a tag or of metadata: 1 to 250 characters. Raises InvalidInput."""
    if not key:
        raise InvalidInput(f"Missing value for required parameter '{field}.key'.")
    return checked_text(key, field=f"{field}.key", limit=MAX_KEY)


def checked_value(value: str, *, field: str) -> str:
    """Return the value of a tag or of metadata, cut to 8000 characters.

    Raises InvalidInput: a NUL or half a surrogate pair.
    """
    return checked_text(value[:MAX_VALUE], field=field, limit=MAX_VALUE)


def checked_time(value: int, *, field: str) -> int:
    """Return a time in milliseconds that is not before 1970 nor after the year 9999. Raises InvalidInput."""
    if not 0 <= value <= MAX_MS:
        raise InvalidInput(
            f"Invalid value {value} for parameter '{field}': it must be between 0 and {MAX_MS} milliseconds."
        )
    return value


def check_count(rows: Sequence[object], limit: int, message: str) -> None:
    """Refuse a list that is too long. Raises TooLarge with ``message``, in which {limit} and {count} are filled in."""
    if len(rows) > limit:
        raise TooLarge(message.format(limit=limit, count=len(rows)))
