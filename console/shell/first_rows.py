"""The first rows of a list with the number of all rows, for pages that show only some of them."""

from __future__ import annotations

from collections.abc import Sized
from typing import Any, TypeVar

from django.db.models import QuerySet

Row = TypeVar("Row")


class FirstRows(list[Row]):
    """The rows that are shown. ``total`` is the number of all rows."""

    total: int = 0


def first_rows(rows: QuerySet[Any, Row], limit: int) -> FirstRows[Row]:
    """Return at most ``limit`` rows; one more query counts them all where there are more."""
    first = FirstRows(rows[: limit + 1])
    is_cut = len(first) > limit
    del first[limit:]
    first.total = rows.count() if is_cut else len(first)
    return first


def tally(rows: Sized) -> str:
    """Return the number of rows, "25 of 300" where only the first are shown."""
    total = getattr(rows, "total", len(rows))
    return str(total) if total == len(rows) else f"{len(rows)} of {total}"
