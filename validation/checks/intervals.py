"""Confidence intervals of metrics, from counts that a run logs with them.

The first of these that a run has logged for a metric `M` is used:

- `M_ci_low`, `M_ci_high`: an interval that the run computed, for example by a bootstrap (Efron, 1979);
- `M_n`, for a proportion (accuracy, recall, an error rate …): Wilson's score interval (Wilson, JASA 22, 1927);
- `M_n_pos`, `M_n_neg`, for an area under the ROC curve: the standard error of Hanley and McNeil (Radiology 143, 1982).

For accuracies, error rates and areas the counts may also be those of a whole split: `val_n` for `val_accuracy`. The
interval of a difference is computed from two intervals by the square-and-add method (Newcombe, Statistics in Medicine
17, 1998, method 10; Zou and Donner, ibid. 27, 2008), which assumes independent measurements. For measurements on the
same rows, which are correlated, the interval is wider than necessary.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

_PROPORTIONS = ("accuracy", "recall", "precision", "sensitivity", "specificity", "error_rate", "hit_rate")
_AREAS = ("auc", "auroc", "roc_auc")
SUFFIXES = ("_ci_low", "_ci_high", "_n", "_n_pos", "_n_neg")


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval from ``low`` to ``high``. ``method`` says how it was computed."""

    low: float
    high: float
    method: str

    @property
    def text(self) -> str:
        """The interval as text: `0.912 to 0.931`."""
        return f"{self.low:.4g} to {self.high:.4g}"


def interval_of(metrics: Mapping[str, float], name: str, confidence: float) -> Interval | None:
    """Return the confidence interval of a metric; None if the run did not log what it needs."""
    value = metrics.get(name)
    if value is None:
        return None
    low, high = metrics.get(f"{name}_ci_low"), metrics.get(f"{name}_ci_high")
    if low is not None and high is not None:
        return Interval(low, high, "as logged") if low <= value <= high else None
    is_rate = 0 <= value <= 1
    if is_rate and name.endswith(_AREAS) and (counts := _counts(metrics, name)):
        return hanley_mcneil(value, *counts, confidence)
    rows = _count(metrics, name, "_n", of_split=name.endswith(("accuracy", "error_rate")))
    return wilson(value, rows, confidence) if is_rate and rows and name.endswith(_PROPORTIONS) else None


def wilson(rate: float, rows: float, confidence: float) -> Interval:
    """Return Wilson's score interval of a proportion ``rate`` of ``rows``."""
    z = _z(confidence)
    middle = (rate + z * z / (2 * rows)) / (1 + z * z / rows)
    half = z / (1 + z * z / rows) * math.sqrt(rate * (1 - rate) / rows + z * z / (4 * rows * rows))
    return Interval(max(0.0, middle - half), min(1.0, middle + half), f"Wilson 1927, n {rows:g}")


def hanley_mcneil(area: float, positive: float, negative: float, confidence: float) -> Interval:
    """Return the normal interval of an area under the ROC curve with Hanley and McNeil's standard error."""
    q1, q2 = area / (2 - area), 2 * area * area / (1 + area)
    spread = area * (1 - area) + (positive - 1) * (q1 - area**2) + (negative - 1) * (q2 - area**2)
    half = _z(confidence) * math.sqrt(max(0.0, spread) / (positive * negative))
    return Interval(
        max(0.0, area - half), min(1.0, area + half), f"Hanley and McNeil 1982, n {positive:g} and {negative:g}"
    )


def difference(first: tuple[float, Interval], second: tuple[float, Interval]) -> Interval:
    """Return the interval of the difference ``first`` - ``second``, each a value with its interval."""
    (first_value, a), (second_value, b) = first, second
    value = first_value - second_value
    low = value - math.hypot(first_value - a.low, b.high - second_value)
    high = value + math.hypot(a.high - first_value, second_value - b.low)
    methods = a.method if a.method == b.method else f"{a.method}; {b.method}"
    return Interval(low, high, f"Newcombe 1998 of {methods}")


def _counts(metrics: Mapping[str, float], name: str) -> tuple[float, float] | None:
    positive = _count(metrics, name, "_n_pos", of_split=True)
    negative = _count(metrics, name, "_n_neg", of_split=True)
    return (positive, negative) if positive and negative else None


def _count(metrics: Mapping[str, float], name: str, suffix: str, *, of_split: bool) -> float:
    """Return a logged count of the metric or, with ``of_split``, of its split (`val` of `val_accuracy`); 0 for none."""
    split = name.split("_", 1)[0] if of_split and "_" in name else name
    count = metrics.get(f"{name}{suffix}", metrics.get(f"{split}{suffix}", 0))
    return count if math.isfinite(count) and count >= 1 else 0


def _z(confidence: float) -> float:
    return NormalDist().inv_cdf((1 + confidence) / 2)
