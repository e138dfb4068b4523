"""Freeze windows: periods that occur once, every week or every year. All times are UTC."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from core.errors import InvalidInput

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_YEARLY = re.compile(r"(\d{2})-(\d{2})")
_WEEKLY = re.compile(r"(mon|tue|wed|thu|fri|sat|sun)(?: (\d{2}):(\d{2}))?", re.IGNORECASE)
_LEAP = 2024


@dataclass(frozen=True, slots=True)
class Window:
    """A named period from ``start`` to ``end``, both as the policy writes them and of one kind.

    `12-20` to `01-03` is every year (with both days), `fri 16:00` to `mon 08:00` is every week, and ISO 8601 dates or
    times (`2026-12-24`, `2026-12-24T18:00`) are one period.
    """

    name: str
    start: str
    end: str

    def until(self, at: datetime) -> datetime | None:
        """Return the end of the period that includes ``at``; None if no period does."""
        return max((end for start, end in self._periods_around(at) if start <= at < end), default=None)

    def next_boundary(self, at: datetime) -> datetime | None:
        """Return the first moment after ``at`` at which a period begins or ends; None if there is none any more."""
        moments = [moment for period in self._periods_around(at) for moment in period]
        return min((moment for moment in moments if moment > at), default=None)

    def _periods_around(self, at: datetime) -> list[tuple[datetime, datetime]]:
        """Return the period that includes ``at``, the one before and the one after it, as far as there are any."""
        at = at.astimezone(UTC)
        if _YEARLY.fullmatch(self.start):
            return [_yearly(self.start, self.end, at.year + years) for years in (-1, 0, 1)]
        if _WEEKLY.fullmatch(self.start):
            monday = datetime(at.year, at.month, at.day, tzinfo=UTC) - timedelta(days=at.weekday())
            return [_weekly(self.start, self.end, monday + timedelta(weeks=n)) for n in (-1, 0, 1)]
        return [(_moment(self.start), _moment(self.end, last=True))]


def parse_window(name: str, start: str, end: str) -> Window:
    """Return a window. Raises InvalidInput for an invalid time, and for times of two kinds or in wrong order."""
    kinds = {_kind(start), _kind(end)}
    if len(kinds) != 1:
        raise InvalidInput(
            f"the window {name!r} goes from {start!r} to {end!r}: both must be yearly, both weekly or both dates"
        )
    window = Window(name=name, start=start, end=end)
    if kinds == {"once"} and _moment(end, last=True) <= _moment(start):
        raise InvalidInput(f"the window {name!r} ends before it begins")
    if kinds == {"weekly"} and start.lower() == end.lower():
        raise InvalidInput(f"the window {name!r} must not end when it begins")
    return window


def _kind(text: str) -> str:
    try:
        if match := _YEARLY.fullmatch(text):
            datetime(_LEAP, int(match[1]), int(match[2]), tzinfo=UTC)
            return "yearly"
        if match := _WEEKLY.fullmatch(text):
            datetime(_LEAP, 1, 1, int(match[2] or 0), int(match[3] or 0), tzinfo=UTC)
            return "weekly"
        _moment(text)
    except ValueError as error:
        raise InvalidInput(
            f"{text!r} is not a time of a window: use 12-20 (every year), fri 16:00 (every week) or 2026-12-24T18:00 (once)"
        ) from error
    return "once"


def _yearly(start: str, end: str, year: int) -> tuple[datetime, datetime]:
    first, last = _day(start, year), _day(end, year)
    if last < first:
        last = _day(end, year + 1)
    return first, last + timedelta(days=1)


def _day(text: str, year: int) -> datetime:
    month, day = (int(part) for part in text.split("-"))
    try:
        return datetime(year, month, day, tzinfo=UTC)
    except ValueError:  # 29 February in a year without it
        return datetime(year, month, day - 1, tzinfo=UTC)


def _weekly(start: str, end: str, monday: datetime) -> tuple[datetime, datetime]:
    first, last = monday + _since_monday(start), monday + _since_monday(end)
    return first, last if last > first else last + timedelta(weeks=1)


def _since_monday(text: str) -> timedelta:
    match = _WEEKLY.fullmatch(text)
    if match is None:
        raise ValueError(text)
    return timedelta(days=_DAYS.index(match[1].lower()), hours=int(match[2] or 0), minutes=int(match[3] or 0))


def _moment(text: str, *, last: bool = False) -> datetime:
    """Return an ISO 8601 time; for a date without a time the start of the day, or with ``last`` its end."""
    moment = datetime.fromisoformat(text)
    moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment + timedelta(days=1) if last and len(text) == len("2026-12-24") else moment
