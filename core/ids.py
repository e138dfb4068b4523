"""Ids of rows as callers send them: a number that the column cannot hold is the id of no row, not a database error."""

from __future__ import annotations

MAX_ROW_ID = 2**63 - 1


def row_id(value: int | str) -> int:
    """Return the id that a number or its digits name; 0, which no row has, for what cannot be an id."""
    if isinstance(value, str):
        if not (value.isascii() and value.isdigit() and len(value) <= len(str(MAX_ROW_ID))):
            return 0
        value = int(value)
    return value if 0 < value <= MAX_ROW_ID else 0
