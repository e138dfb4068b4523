"""Freeze windows: yearly, weekly and single ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidInput
from policies.windows import Window, parse_window

moments = st.datetimes(datetime(2020, 1, 1), datetime(2032, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis wants naive ends
days = st.dates(datetime(2024, 1, 1).date(), datetime(2024, 12, 31).date()).map(lambda day: f"{day:%m-%d}")  # noqa: DTZ001 - a leap year's days
weekdays = st.sampled_from(["mon 00:00", "wed 12:30", "fri 16:00", "sun"])


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "end", "moment", "until"),
    [
        ("12-20", "01-03", "2026-12-19T23:59", None),
        ("12-20", "01-03", "2026-12-20T00:00", "2027-01-04T00:00"),
        ("12-20", "01-03", "2027-01-03T23:59", "2027-01-04T00:00"),
        ("12-20", "01-03", "2027-01-04T00:00", None),
        ("02-29", "02-29", "2026-02-28T12:00", "2026-03-01T00:00"),
        ("fri 16:00", "mon 08:00", "2026-11-27T15:59", None),
        ("fri 16:00", "mon 08:00", "2026-11-29T12:00", "2026-11-30T08:00"),
        ("Fri 16:00", "Mon 08:00", "2026-11-30T07:59", "2026-11-30T08:00"),
        ("mon", "tue", "2026-11-23T12:00", "2026-11-24T00:00"),
        ("2026-12-24T18:00", "2026-12-27", "2026-12-27T23:00", "2026-12-28T00:00"),
        ("2026-12-24T18:00", "2026-12-27", "2026-12-24T17:59", None),
    ],
)
def test_when_it_closes(start: str, end: str, moment: str, until: str | None) -> None:
    found = parse_window("w", start, end).until(at(moment))
    assert found == (at(until) if until else None)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("13-01", "01-01"),
        ("12-20", "mon"),
        ("fri 25:00", "mon"),
        ("", "01-01"),
        ("2026-12-02", "2026-11-01"),
        ("mon", "mon"),
    ],
)
def test_what_is_refused(start: str, end: str) -> None:
    with pytest.raises(InvalidInput):
        parse_window("w", start, end)


@given(st.one_of(st.tuples(days, days), st.tuples(weekdays, weekdays).filter(lambda ends: ends[0] != ends[1])), moments)
def test_an_open_window_closes_later_and_then_is_closed(ends: tuple[str, str], moment: datetime) -> None:
    window = Window("w", *ends)
    until = window.until(moment)
    if until is not None:
        assert moment < until <= moment + timedelta(days=367)
        assert window.until(until - timedelta(microseconds=1)) == until
