"""The intervals against figures that the papers print, and what they must be whatever is measured."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from validation.checks.intervals import Interval, difference, hanley_mcneil, interval_of, wilson

RATES = st.floats(0, 1)
ROWS = st.integers(1, 1_000_000)


def test_wilson_as_newcombe_prints_it() -> None:
    """Newcombe 1998 (two-sided intervals for the single proportion), table I: 81 of 263, and 0 of 20."""
    found = wilson(81 / 263, 263, 0.95)
    assert (round(found.low, 4), round(found.high, 4)) == (0.2553, 0.3662)
    found = wilson(0, 20, 0.95)
    assert (round(found.low, 4), round(found.high, 4)) == (0.0, 0.1611)


def test_the_difference_as_newcombe_prints_it() -> None:
    """Newcombe 1998 (interval estimation for the difference), table II, method 10: 56/70 against 48/80."""
    ours, theirs = (56 / 70, wilson(56 / 70, 70, 0.95)), (48 / 80, wilson(48 / 80, 80, 0.95))
    found = difference(ours, theirs)
    assert (round(found.low, 4), round(found.high, 4)) == (0.0524, 0.3339)


def test_the_area_as_hanley_and_mcneil_print_it() -> None:
    """Their worked example: area 0.893 from 51 abnormal and 58 normal images has a standard error of about 0.032."""
    found = hanley_mcneil(0.893, 51, 58, 0.95)
    assert (found.high - found.low) / 2 / 1.959964 == pytest.approx(0.032, abs=0.001)


@given(RATES, ROWS)
def test_an_interval_holds_its_value_and_keeps_within_bounds(rate: float, rows: int) -> None:
    for found in (wilson(rate, rows, 0.95), hanley_mcneil(rate, rows, rows, 0.95)):
        assert 0 <= found.low <= rate + 1e-9
        assert rate - 1e-9 <= found.high <= 1


@given(RATES, RATES, ROWS, ROWS)
def test_turned_round_the_difference_changes_its_sign(one: float, two: float, n: int, m: int) -> None:
    a, b = (one, wilson(one, n, 0.95)), (two, wilson(two, m, 0.95))
    there, back = difference(a, b), difference(b, a)
    assert there.low == pytest.approx(-back.high)
    assert there.low - 1e-9 <= one - two <= there.high + 1e-9


@pytest.mark.parametrize(
    ("metrics", "method"),
    [
        ({"val_auc": 0.9, "val_n_pos": 50, "val_n_neg": 60}, "Hanley"),
        ({"val_auc": 0.9, "val_auc_n_pos": 50, "val_auc_n_neg": 60}, "Hanley"),
        ({"val_auc": 0.9, "val_auc_ci_low": 0.8, "val_auc_ci_high": 0.95}, "as logged"),
        ({"val_auc": 0.9, "val_auc_ci_low": 0.95, "val_auc_ci_high": 0.8}, ""),
        ({"val_auc": 0.9, "val_n": 100}, ""),
        ({"val_auc": 1.9, "val_n_pos": 50, "val_n_neg": 60}, ""),
        ({"val_auc": 0.9, "val_n_pos": 0, "val_n_neg": 60}, ""),
        ({}, ""),
    ],
)
def test_what_a_run_must_log(metrics: dict[str, float], method: str) -> None:
    found = interval_of(metrics, "val_auc", 0.95)
    assert (found.method if found else "").startswith(method)
    assert isinstance(found, Interval) is bool(method)


def test_recall_needs_a_count_of_its_own() -> None:
    assert interval_of({"val_recall": 0.5, "val_n": 100}, "val_recall", 0.95) is None
    assert interval_of({"val_recall": 0.5, "val_recall_n": 40}, "val_recall", 0.95) is not None
