"""What each check says, on facts made up for it. (The artifact checks: test_scan_*.py and test_squeezed_changes.py.)"""

from __future__ import annotations

from typing import Any

import pytest

from core.errors import InvalidInput
from tests.validation.subjects import TAGS, subject
from tests.validation.test_signed import KEY
from validation.base import Ancestry, CardFacts, CheckResult, Subject, inputs_digest
from validation.catalogue import known_checks
from validation.checks.card import Complete
from validation.checks.lineage import NotQuarantined, RequiredTags
from validation.checks.metric import NoRegression
from validation.checks.threshold import Threshold

METRIC = {"metric": "val_auc", "tolerance": 0.005}


def regression(found: Subject, **params: Any) -> CheckResult:
    check = NoRegression()
    return check.run(found, check.parse(METRIC | params), lambda _: None)


@pytest.mark.parametrize(
    ("ours", "theirs", "passed", "words"),
    [
        ({}, None, True, "Nothing to compare with"),
        ({"val_auc": 0.94}, {"val_auc": 0.93}, True, "val_auc 0.94 is no worse than 0.93 of version 1"),
        ({"val_auc": 0.925}, {"val_auc": 0.93}, True, "no worse"),
        ({"val_auc": 0.9249}, {"val_auc": 0.93}, False, "worse than 0.93"),
        ({}, {"val_auc": 0.93}, False, "has val_auc; the run of this version does not"),
        ({"val_accuracy": 0.9}, {"val_auc": 0.9, "val_accuracy": 0.8}, False, "has val_auc"),
        ({"val_auc": 0.9, "training_score": 0.9}, {"training_score": 0.8}, True, "training_score 0.9"),
        ({"training_score": 0.9}, {"val_accuracy": 0.9, "training_score": 0.1}, False, "has val_accuracy"),
        ({"val_auc": 0.9}, {"loss": 0.1}, False, "has no metric such as val_auc"),
        ({"val_auc": 0.9}, {}, False, "Not comparable"),
    ],
)
def test_no_regression(ours: dict[str, float], theirs: dict[str, float] | None, passed: bool, words: str) -> None:
    result = regression(subject(ours, theirs))
    assert result.passed is passed
    assert words in result.summary


def test_lower_may_be_better() -> None:
    found = subject({"log_loss": 0.3}, {"log_loss": 0.2})
    assert not regression(found, metric="log_loss").passed
    assert regression(found, metric="log_loss", higher_is_better=True).passed
    assert not regression(found, metric="log_loss", higher_is_better=False).passed


def test_different_data_are_named() -> None:
    found = subject({"val_auc": 0.95}, {"val_auc": 0.93}, run_tags={"dataset_version": "v2"})
    assert regression(found).summary.endswith("The training data differ: v2 against v1.")


def test_the_current_version_is_not_compared_with_itself() -> None:
    assert regression(subject({}, {"val_auc": 0.9}, version_id=1)).passed


@pytest.mark.parametrize(
    "params",
    [{"tolerance": -1}, {"tolerance": True}, {"against": "last"}, {"metric": ""}, {"fallback": "x"}, {"more": 1}],
)
def test_bad_parameters_of_the_metric(params: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        NoRegression().parse(params)


def required(found: Subject) -> CheckResult:
    check = RequiredTags()
    return check.run(found, check.parse({}), lambda _: None)


@pytest.mark.parametrize(
    ("run_tags", "tags", "missing"),
    [
        (TAGS, {}, []),
        ({}, TAGS, []),
        ({"git_commit": "abc"}, {"triggered_by": "ci"}, ["dataset_version"]),
        (TAGS | {"git_commit": "  "}, {}, ["git_commit"]),
        ({}, {}, ["dataset_version", "git_commit", "triggered_by"]),
    ],
)
def test_required_tags(run_tags: dict[str, str], tags: dict[str, str], missing: list[str]) -> None:
    result = required(subject(run_tags=run_tags, tags=tags))
    assert result.passed == (not missing)
    assert result.evidence["missing"] == missing


def test_a_parameter_is_no_tag_but_is_mentioned() -> None:
    result = required(subject(run_tags={"git_commit": "a", "triggered_by": "ci"}, params={"dataset_version": "v1"}))
    assert not result.passed
    assert "dataset_version was logged as a parameter" in result.summary


@pytest.mark.parametrize(
    ("card", "passed"),
    [(CardFacts(), False), (CardFacts(digest="c", missing=("limitations",)), False), (CardFacts(digest="c"), True)],
)
def test_card(card: CardFacts, passed: bool) -> None:
    assert Complete().run(subject(card=card), {}, lambda _: None).passed is passed


# What a check must be told before it can look at anything.
REQUIRED: dict[str, dict[str, Any]] = {
    "external": {"name": "audit", "keys": ["ci"]},
    "metric.slices": {"max_gap": 0.1},
    "metric.threshold": {"metric": "val_auc", "at_least": 0.9},
    "model.signed": {"keys": [KEY]},
}


def all_inputs(found: Subject) -> dict[str, str]:
    return {code: inputs_digest(check, REQUIRED.get(code, {}), found) for code, check in known_checks().items()}


def test_only_what_a_check_reads_changes_its_inputs() -> None:
    before = all_inputs(subject())
    assert all_inputs(subject(run_tags=TAGS | {"unrelated": "x"}, number=3)) == before
    after = all_inputs(subject(card=CardFacts(digest="d")))
    assert {code for code in after if after[code] != before[code]} == {"card.complete"}
    after = all_inputs(subject(ancestry=Ancestry(("dataset-version:a/1",))))
    assert {code for code in after if after[code] != before[code]} == {"lineage.not_quarantined"}


@pytest.mark.parametrize(
    ("ancestry", "passed", "words"),
    [
        (Ancestry(), True, "Nothing it descends from"),
        (Ancestry(("dataset-version:orders/v1",)), False, "quarantined data. The evidence names 1 dataset version."),
        (Ancestry((), complete=False), False, "too large"),
    ],
)
def test_not_quarantined(ancestry: Ancestry, passed: bool, words: str) -> None:
    result = NotQuarantined().run(subject(ancestry=ancestry), {}, lambda _: None)
    assert result.passed is passed
    assert words in result.summary


def threshold(metrics: dict[str, float], **params: Any) -> CheckResult:
    check = Threshold()
    return check.run(subject(metrics), check.parse({"metric": "val_accuracy"} | params), lambda _: None)


@pytest.mark.parametrize(
    ("metrics", "params", "passed", "words"),
    [
        ({"val_accuracy": 0.9}, {"at_least": 0.9}, True, "at least 0.9"),
        ({"val_accuracy": 0.89}, {"at_least": 0.9}, False, "below 0.9"),
        ({"val_accuracy": 0.9}, {"at_most": 0.8}, False, "above 0.8"),
        ({}, {"at_least": 0.9}, False, "no metric val_accuracy"),
        ({"val_accuracy": 0.92, "val_n": 100}, {"at_least": 0.9}, True, "Wilson"),
        ({"val_accuracy": 0.92, "val_n": 100}, {"at_least": 0.9, "decide_by": "interval"}, False, "below 0.9"),
        ({"val_accuracy": 0.92, "val_n": 100_000}, {"at_least": 0.9, "decide_by": "interval"}, True, "Wilson"),
        ({"val_accuracy": 0.92}, {"at_least": 0.9, "decide_by": "interval"}, False, "No interval"),
    ],
)
def test_threshold(metrics: dict[str, float], params: dict[str, Any], passed: bool, words: str) -> None:
    result = threshold(metrics, **params)
    assert result.passed is passed
    assert words in result.summary


def test_a_threshold_needs_a_limit() -> None:
    with pytest.raises(InvalidInput, match="at_least or at_most"):
        Threshold().parse({"metric": "val_auc"})
    with pytest.raises(InvalidInput, match="metric must be given"):
        Threshold().parse({"at_least": 1})
