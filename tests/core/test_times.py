"""Times are written in one way: ISO 8601, UTC, with a Z."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from core.times import from_ms, iso_utc, to_ms

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_whole_second_has_no_fraction() -> None:
    assert iso_utc(NOON) == "2026-03-01T12:00:00Z"
    assert iso_utc(NOON, "microseconds") == "2026-03-01T12:00:00.000000Z"


def test_a_fraction_is_kept_or_cut_off() -> None:
    assert iso_utc(NOON + timedelta(microseconds=5)) == "2026-03-01T12:00:00.000005Z"
    assert iso_utc(NOON + timedelta(microseconds=5), "seconds") == "2026-03-01T12:00:00Z"


def test_other_time_zones_become_utc() -> None:
    assert iso_utc(NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))) == "2026-03-01T12:00:00Z"


@given(st.integers(-(2**40), 2**47))
def test_milliseconds_come_back(milliseconds: int) -> None:
    assert to_ms(from_ms(milliseconds)) == milliseconds
