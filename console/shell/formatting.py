"""Times, numbers, sizes and digests as text."""

from __future__ import annotations

import datetime
import math

from django.utils.text import Truncator

from core.times import from_ms as time_of_ms
from lineage.identity.names import READ_BY, WRITTEN_BY

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_STEPS = ((_MINUTE, 1, "s"), (_HOUR, _MINUTE, "min"), (2 * _DAY, _HOUR, "h"), (60 * _DAY, _DAY, "days"))
_MONTH, _YEAR = 30.44 * _DAY, 365.25 * _DAY
_JUST_NOW = 10
_MILLISECOND = 1e-3
_DECIMALS_BELOW = 10


def span(seconds: float) -> str:
    """Return a length of time in one unit: ``40 s``, ``3 min``, ``5 h``, ``12 days``, ``4 months``."""
    seconds = abs(seconds)
    for limit, unit, name in _STEPS:
        if seconds < limit:
            count = int(seconds // unit)
            return f"{count} {name.removesuffix('s') if name == 'days' and count == 1 else name}"
    if seconds < _YEAR:
        return f"{int(seconds // _MONTH)} months"
    years = int(seconds // _YEAR)
    return f"{years} year{'s' if years > 1 else ''}"


def duration(seconds: float) -> str:
    """Return how long a step took, with units down to microseconds: ``120 µs``, ``183 ms``, ``2.4 s``, ``3 min``."""
    if 0 < seconds < _MILLISECOND:
        return f"{seconds * 1e6:.0f} µs"
    if seconds < 1:
        return f"{seconds * 1e3:.1f} ms" if 0 < seconds < _DECIMALS_BELOW * _MILLISECOND else f"{seconds * 1e3:.0f} ms"
    return f"{seconds:.2f} s" if seconds < _DECIMALS_BELOW else span(seconds)


def ago(moment: datetime.datetime, now: datetime.datetime) -> str:
    """Return a moment relative to now: ``just now``, ``5 min ago``, ``in 3 days``."""
    seconds = (now - moment).total_seconds()
    if abs(seconds) < _JUST_NOW:
        return "just now"
    return f"{span(seconds)} ago" if seconds > 0 else f"in {span(seconds)}"


def exact(moment: datetime.datetime) -> str:
    """Return the full UTC time, to the second."""
    return moment.astimezone(datetime.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def from_ms(milliseconds: int) -> datetime.datetime | None:
    """Return the UTC time of milliseconds since 1970, None for 0 and for a time that Python cannot represent."""
    try:
        return time_of_ms(milliseconds) if milliseconds else None
    except (OverflowError, OSError, ValueError):
        return None


_PLAIN_LIMIT = 1e7
_SMALL_LIMIT = 1e-4


def number(value: float) -> str:
    """Return a number with five significant digits: ``0.91234``, ``12,345``, ``1.2e-05``."""
    if not math.isfinite(value):
        return str(value)
    if value == int(value) and abs(value) < _PLAIN_LIMIT:
        return f"{int(value):,}"
    if abs(value) >= _PLAIN_LIMIT or (0 < abs(value) < _SMALL_LIMIT):
        return f"{value:.3e}"
    text = f"{value:.5g}"
    return f"{value:,.1f}" if "e" in text else text


def signed(value: float) -> str:
    """Return a difference with its sign, which is a minus sign and not a hyphen."""
    if value == 0:
        return "±0"
    return f"{'+' if value > 0 else '−'}{number(abs(value))}"  # noqa: RUF001 - a minus is meant


def size(count: int) -> str:
    """Return bytes in binary units: ``812 B``, ``4.2 KiB``."""
    if count < 1024:  # noqa: PLR2004 - the binary step
        return f"{count} B"
    amount, unit = count / 1024, "KiB"
    for larger_unit in ("MiB", "GiB"):
        if amount >= 1024:  # noqa: PLR2004 - the binary step
            amount, unit = amount / 1024, larger_unit
    return f"{amount:.1f} {unit}"


_SHORT = 12


def short_digest(digest: str) -> str:
    """Return the beginning of a digest: ``sha256:1f2e3d4c5b6a…``. Show the whole digest on hover."""
    algorithm, colon, hexadecimal = digest.rpartition(":")
    return f"{algorithm}{colon}{hexadecimal[:_SHORT]}{'…' if len(hexadecimal) > _SHORT else ''}"


def version_text(version: str, longest: int = 32) -> str:
    """Return a version of a dataset as people read it, cut to a length.

    The version that a run used without a name has the id of the run: it is called unnamed.
    """
    if version.startswith(READ_BY):
        return "unnamed, as read"
    if version.startswith(WRITTEN_BY):
        return "unnamed, as written"
    return version if len(version) <= longest else Truncator(version).chars(longest)  # which asks for translations


def run_without_version(version: str) -> str:
    """Return the id of the run that used a version without a name, "" for a named version."""
    return version.removeprefix(READ_BY).removeprefix(WRITTEN_BY) if version.startswith((READ_BY, WRITTEN_BY)) else ""
