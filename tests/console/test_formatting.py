import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.policies.presenters.descriptions import rule_text
from console.shell import formatting as wording
from policies.rules import FreezeRule, RuleLevel
from policies.windows import parse_window

NOW = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(3, "just now"), (45, "45 s ago"), (600, "10 min ago"), (7200, "2 h ago"), (3 * 86400, "3 days ago"),
     (100 * 86400, "3 months ago"), (800 * 86400, "2 years ago"), (-3600 * 5, "in 5 h")],
)  # fmt: skip
def test_ago(seconds: int, words: str) -> None:
    assert wording.ago(NOW - datetime.timedelta(seconds=seconds), NOW) == words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.912345678, "0.91235"),
        (12345, "12,345"),
        (1e-5, "1.000e-05"),
        (0, "0"),
        (123456.7, "123,456.7"),
        (1.5e9, "1.500e+09"),
    ],
)
def test_number(value: float, text: str) -> None:
    assert wording.number(value) == text


@given(st.floats())
def test_any_float_is_formatted(value: float) -> None:
    assert wording.number(value)


@given(st.integers(-(2**63), 2**63 - 1))
def test_any_time_of_a_client_is_formatted(milliseconds: int) -> None:
    moment = wording.from_ms(milliseconds)
    assert moment is None or wording.ago(moment, NOW)


@pytest.mark.parametrize(
    ("count", "text"), [(12, "12 B"), (4300, "4.2 KiB"), (5 * 1024**3, "5.0 GiB"), (9 * 1024**4, "9216.0 GiB")]
)
def test_size(count: int, text: str) -> None:
    assert wording.size(count) == text


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        ("2026-11-20T02:00:00+02:00", "2026-12-02T00:00:00Z", "(2026-11-20 00:00 to 2026-12-02 00:00 UTC)"),
        ("2026-12-24T18:00", "2026-12-26T00:00", "(2026-12-24 18:00 to 2026-12-26 00:00 UTC)"),
        ("12-20", "01-03", "(12-20 to 01-03 UTC)"),
        ("fri 16:00", "mon 08:00", "(fri 16:00 to mon 08:00 UTC)"),
    ],
)
def test_a_freeze_window_is_shown_in_utc(start: str, end: str, words: str) -> None:
    rule = FreezeRule(id="freeze", level=RuleLevel.HARD, windows=(parse_window("year end", start, end),))
    assert rule_text(rule) == f"It cannot move during year end {words}."
