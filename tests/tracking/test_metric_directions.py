"""The better direction of a metric by its name: one table for pages, differences and checks."""

from __future__ import annotations

import pytest

from console.runs.presenters.metrics import judge_change
from tracking.metric_directions import Direction, direction_of
from validation.checks.metric import NoRegression


@pytest.mark.parametrize(
    "name",
    [
        "val_loss",
        "trainLoss",
        "rmse",
        "test_RMSE",
        "mean_squared_error",
        "logloss",
        "val-logloss",
        "brier_score",
        "brier_score_loss",
        "ECE",
        "latency_p95",
        "perplexity",
        "valMAE",
        "wer",
        "neg_log_likelihood",
        "nll",
    ],
)
def test_lower_is_better(name: str) -> None:
    assert direction_of(name) is Direction.LOWER


@pytest.mark.parametrize(
    "name",
    [
        "auc",
        "val_roc_auc",
        "valAUC",
        "accuracy",
        "training_accuracy_score",
        "test_f1",
        "f1_macro",
        "r2",
        "training_r2_score",
        "training_score",
        "precision@5",
        "map@10",
        "neg_log_loss",
        "neg_mean_squared_error",
        "ndcg@10",
        "prauc",
    ],
)
def test_higher_is_better(name: str) -> None:
    assert direction_of(name) is Direction.HIGHER


@pytest.mark.parametrize(
    "name", ["rows", "epoch", "species", "accuracy_loss", "lr", "place", "cancer", "power", "mapped_rows", ""]
)
def test_a_name_that_does_not_say_it_is_not_judged(name: str) -> None:
    assert direction_of(name) is Direction.UNKNOWN
    assert judge_change(name, 1.0) == ("none", "changed")


@pytest.mark.parametrize(
    ("given", "lower"),
    [({"metric": "val_rmse"}, True), ({"metric": "val_auc"}, False), ({"metric": "rows"}, False),
     ({"metric": "val_rmse", "higher_is_better": True}, False), ({"metric": "auc", "higher_is_better": False}, True)],
)  # fmt: skip
def test_a_check_takes_the_direction_of_the_metric_unless_the_policy_gives_it(
    given: dict[str, object], lower: bool
) -> None:
    check = NoRegression()
    assert ("(lower is better)" in check.describe(check.parse(given))) is lower
