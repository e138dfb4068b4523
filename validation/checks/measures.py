"""Helpers of the metric checks: texts of values and intervals, and the parameter `confidence`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tracking.metric_directions import Direction, direction_of
from validation.base import CheckResult, RunFacts
from validation.checks.intervals import SUFFIXES, Interval
from validation.params import Param

# Tried after `metric`, in this order: validation, then test, then metrics that autolog measures on the training data.
COMMON_METRICS = (
    "val_auc", "val_roc_auc", "val_accuracy", "val_f1", "val_r2", "test_auc", "test_roc_auc", "test_accuracy",
    "test_f1", "test_r2", "accuracy", "training_roc_auc", "training_accuracy_score", "training_f1_score",
    "training_r2_score", "training_score",
)  # fmt: skip
CONFIDENCE = Param("confidence", "number", "The confidence level of the intervals.", 0.95, least=0.5, most=0.999)
HIGHER_IS_BETTER = Param(
    "higher_is_better",
    "flag",
    "False for errors and losses. Without it the name of the metric decides; a name that does not say it counts as true.",
)


def is_higher_better(params: Mapping[str, object], metric: str) -> bool:
    """Return whether a higher value is better: as the policy says, otherwise as the name of the metric does."""
    if params["higher_is_better"] is None:
        return direction_of(metric) is not Direction.LOWER
    return bool(params["higher_is_better"])


def failed(summary: str, evidence: Mapping[str, object]) -> CheckResult:
    """Return the result of a check that failed."""
    return CheckResult(passed=False, summary=summary[:1000], evidence=evidence)


def value_of(metrics: Mapping[str, float], name: str | None) -> str | None:
    """Return a metric as evidence: its exact value as text, None if the run has none."""
    return repr(metrics[name]) if name is not None and name in metrics else None


def interval_text(interval: Interval | None) -> str:
    """Return an interval as text, "" for None."""
    return interval.text if interval is not None else ""


def unusable_of(run: RunFacts, name: str) -> tuple[str, ...]:
    """Return the keys that are not finite numbers, of a metric and of its logged counts and bounds."""
    keys = {name, *(f"{name}{suffix}" for suffix in SUFFIXES)}
    return tuple(key for key in run.unusable if key in keys)


def not_finite(names: Sequence[str]) -> str:
    """Return a sentence that refuses a comparison because these metrics are not finite, "" without any."""
    return f"Not comparable: {', '.join(names[:3])} is not a finite number." if names else ""


def by_interval(params: Mapping[str, object]) -> str:
    """Return the end of a sentence for `decide_by: interval`, "" for `decide_by: value`."""
    if params["decide_by"] != "interval":
        return ""
    return f", judged by its {float(str(params['confidence'])) * 100:g} % confidence interval"
