"""Row ids as callers send them, and time-ordered UUIDs."""

from __future__ import annotations

import secrets
import time
import uuid

MAX_ROW_ID = 2**63 - 1


def whole_number(text: str) -> int | None:
    """Return the number that ASCII digits give; None for any other text, and for a number above MAX_ROW_ID.

    `str.isdigit` and `str.isdecimal` accept digits of other scripts, some of which `int` refuses.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MAX_ROW_ID))):
        return None
    number = int(text)
    return number if number <= MAX_ROW_ID else None


def row_id(value: int | str) -> int:
    """Return the id that a number or its digits give; 0, which no row has, for every other value."""
    if isinstance(value, str):
        value = whole_number(value) or 0
    return value if 0 < value <= MAX_ROW_ID else 0


def time_ordered_uuid() -> uuid.UUID:
    """Return a UUID of version 7: 48 bits of time in milliseconds, then 74 random bits (RFC 9562)."""
    millis = time.time_ns() // 1_000_000
    value = (millis & (1 << 48) - 1) << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | 0x7 << 76
    return uuid.UUID(int=value & ~(0x3 << 62) | 0x2 << 62)
