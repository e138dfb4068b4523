"""Helpers of the metric checks: texts of values and intervals, and the parameter `confidence`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from validation.base import CheckResult, RunFacts
from validation.checks.intervals import SUFFIXES, Interval
from validation.params import Param

CONFIDENCE = Param("confidence", "number", "The confidence level of the intervals.", 0.95, least=0.5, most=0.999)


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
