"""Times as Custody reads and writes them: UTC, ISO 8601 with a Z, or the MLflow protocol's milliseconds since 1970."""

from __future__ import annotations

import datetime
import time

# Computed in whole milliseconds: a double of seconds would lose some of them.
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MILLISECOND = datetime.timedelta(milliseconds=1)


def iso_utc(moment: datetime.datetime, timespec: str = "auto") -> str:
    """Return a time as ISO 8601 in UTC, such as ``2026-03-01T12:00:00Z``: what APIs and exports send.

    ``timespec`` is that of `datetime.isoformat`: "auto" writes microseconds where there are any.
    """
    return moment.astimezone(datetime.UTC).isoformat(timespec=timespec).removesuffix("+00:00") + "Z"


def now_ms() -> int:
    """Return the present time in milliseconds since 1970 (UTC)."""
    return time.time_ns() // 1_000_000


def to_ms(moment: datetime.datetime) -> int:
    """Return a time in milliseconds since 1970 (UTC)."""
    return (moment - _EPOCH) // _MILLISECOND


def from_ms(milliseconds: int) -> datetime.datetime:
    """Return the UTC time of milliseconds since 1970.

    Raises OverflowError for times that no calendar has.
    """
    return _EPOCH + milliseconds * _MILLISECOND
