"""metric.slices: the worst slice, how far slices are apart, and that none is left out."""

from __future__ import annotations

from typing import Any

import pytest

from core.errors import InvalidInput
from tests.validation.subjects import subject
from validation.base import CheckResult
from validation.checks.slices import Slices

TWO = {"val_accuracy": 0.9, "val_accuracy_new": 0.85, "val_accuracy_old": 0.95}


def sliced(metrics: dict[str, float], theirs: dict[str, float] | None = None, **params: Any) -> CheckResult:
    check = Slices()
    return check.run(subject(metrics, theirs), check.parse(params or {"max_gap": 0.2}), lambda _: None)


@pytest.mark.parametrize(
    ("metrics", "params", "passed", "words"),
    [
        (TWO, {"max_gap": 0.1}, True, "between 0.85 (new) and 0.95 (old) over 2 slices"),
        (TWO, {"max_gap": 0.09}, False, "differs by 0.1"),
        (TWO, {"at_least": 0.86}, False, "of new is 0.85, below 0.86"),
        (TWO, {"at_most": 0.94}, False, "of old is 0.95, above 0.94"),
        (TWO, {"min_ratio": 0.8}, True, "between"),
        (TWO, {"min_ratio": 0.9}, False, "less than 0.9 of that of old"),
        ({"val_accuracy_new": 0.9}, {"max_gap": 1}, False, "1 slices"),
        ({"val_accuracy": 0.9}, {"max_gap": 1}, False, "0 slices"),
        (TWO | {"val_accuracy_n": 9, "val_accuracy_new_ci_low": 0.1}, {"max_gap": 0.1}, True, "2 slices"),
        (TWO, {"max_gap": 1, "slices": ["new", "foreign"]}, False, "are missing: foreign"),
        (TWO, {"max_gap": 1, "slices": ["new"], "min_slices": 1}, True, "1 slices"),
        ({"a/x": 0.1, "a/y": 0.2}, {"metric": "a", "max_gap": 1}, True, "2 slices"),
    ],
)
def test_slices(metrics: dict[str, float], params: dict[str, Any], passed: bool, words: str) -> None:
    result = sliced(metrics, **params)
    assert result.passed is passed
    assert words in result.summary


def test_a_slice_that_production_has_cannot_be_left_out() -> None:
    result = sliced(TWO, {**TWO, "val_accuracy_foreign": 0.2})
    assert not result.passed
    assert "are missing: foreign" in result.summary


def test_the_table_is_a_file_without_formulas() -> None:
    (file,) = sliced({"val_accuracy_=cmd()": 0.9, "val_accuracy_b": 0.8}).files
    assert (file.name, file.media_type) == ("slices.csv", "text/csv")
    assert '"\'=cmd()","0.9"' in file.content.decode()


@pytest.mark.parametrize("params", [{}, {"max_gap": -1}, {"min_ratio": 2}, {"max_gap": 1, "min_slices": 0}])
def test_bad_parameters(params: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        Slices().parse(params)
