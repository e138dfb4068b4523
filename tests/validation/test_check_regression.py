"""metric.no_regression: on the same evaluation data, and with intervals where the number of rows is known."""

from __future__ import annotations

from typing import Any

import pytest

from tests.validation.subjects import subject
from validation.base import CheckResult, Incumbent, RunFacts
from validation.checks.metric import NoRegression

HOLDOUT = ("orders_holdout", "d1", "eval")
OTHER = ("orders_holdout", "d2", "Validation")
TRAIN = ("orders", "d9", "training")
EVAL_TAG = "eval_dataset_version"


def compared(ours: dict[str, Any], theirs: dict[str, Any], **params: Any) -> CheckResult:
    """Return the answer for a candidate no worse than Production, each run with these facts besides."""
    check = NoRegression()
    mine = {"metrics": {"val_auc": 0.95}} | ours
    other = {"metrics": {"val_auc": 0.93}} | theirs
    found = subject(run=RunFacts(run_id="r2", **mine), incumbent=Incumbent(1, 1, RunFacts(run_id="r1", **other)))
    return check.run(found, check.parse({"metric": "val_auc", "tolerance": 0.005} | params), lambda _: None)


def on(*datasets: tuple[str, str, str]) -> dict[str, Any]:
    return {"datasets": datasets}


@pytest.mark.parametrize(
    ("ours", "theirs", "passed", "words"),
    [
        (on(HOLDOUT, TRAIN), on(HOLDOUT), True, "no worse"),
        (on(OTHER), on(HOLDOUT), False, "Not comparable: evaluated on orders_holdout@d2; version 1"),
        (on(TRAIN), on(HOLDOUT), False, "the evaluation data of this run are unknown"),
        (on(HOLDOUT), on(TRAIN), True, "taken as the same"),
        (on(TRAIN), on(), True, "taken as the same"),
        ({"tags": {EVAL_TAG: "h1"}}, {"tags": {EVAL_TAG: "h1"}}, True, "no worse"),
        ({"tags": {EVAL_TAG: "h2"}}, {"tags": {EVAL_TAG: "h1"}}, False, "evaluated on h2"),
        ({"measured_on": {"val_auc": ("a", "1")}}, {"measured_on": {"val_auc": ("a", "1")}}, True, "no worse"),
        ({"measured_on": {"val_auc": ("a", "2")}}, {"measured_on": {"val_auc": ("a", "1")}}, False, "a@2"),
    ],
)
def test_the_evaluation_data_must_be_the_same(
    ours: dict[str, Any], theirs: dict[str, Any], passed: bool, words: str
) -> None:
    result = compared(ours, theirs)
    assert result.passed is passed
    assert words in result.summary


def test_what_a_model_was_trained_on_may_differ() -> None:
    ours, theirs = ({"tags": {"dataset_version": name}} | on(HOLDOUT) for name in ("v2", "v1"))
    result = compared(ours, theirs)
    assert result.passed
    assert result.summary.endswith("The training data differ: v2 against v1.")


def test_a_policy_may_allow_different_data_and_refuse_unknown_ones() -> None:
    assert compared(on(OTHER), on(HOLDOUT), different_data="allow").passed
    assert "this policy allows that" in compared(on(OTHER), on(HOLDOUT), different_data="allow").summary
    refused = compared(on(HOLDOUT), on(), unknown_data="refuse", different_data="allow")
    assert not refused.passed
    assert "the evaluation data of version 1 are unknown" in refused.summary


def accuracy(value: float, rows: float | None) -> dict[str, Any]:
    return {"metrics": {"val_accuracy": value} | ({"val_n": rows} if rows else {})}


@pytest.mark.parametrize(
    ("ours", "theirs", "params", "passed", "words"),
    [
        (accuracy(0.9, 1000), accuracy(0.9, 1000), {}, True, "Newcombe 1998 of Wilson 1927, n 1000"),
        (accuracy(0.9, 1000), accuracy(0.9, 1000), {"decide_by": "interval"}, False, "not certainly as good as"),
        (accuracy(0.9, 1e6), accuracy(0.9, 1e6), {"decide_by": "interval"}, True, "no worse than"),
        (accuracy(0.9, None), accuracy(0.9, 1000), {"decide_by": "interval"}, False, "No interval"),
        (accuracy(0.5, 1000), accuracy(0.9, 1000), {}, False, "worse than"),
    ],
)
def test_intervals(
    ours: dict[str, Any], theirs: dict[str, Any], params: dict[str, Any], passed: bool, words: str
) -> None:
    result = compared(ours, theirs, metric="val_accuracy", **params)
    assert result.passed is passed, result.summary
    assert words in result.summary
