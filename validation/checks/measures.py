"""Shared by the checks of metrics: how values and intervals are written as evidence,
and the parameter of confidence.
"""

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
    """Return a metric as evidence: its exact value as text, None where there is none."""
    return repr(metrics[name]) if name is not None and name in metrics else None


def interval_text(interval: Interval | None) -> str:
    """Return an interval as text for people, "" where there is none."""
    return interval.text if interval is not None else ""


def unusable_of(run: RunFacts, name: str) -> tuple[str, ...]:
    """Return which of a metric and of the counts and bounds logged beside it are not finite numbers."""
    beside = {name, *(f"{name}{suffix}" for suffix in SUFFIXES)}
    return tuple(key for key in run.unusable if key in beside)


def not_finite(names: Sequence[str]) -> str:
    """Return the sentence that refuses a comparison with metrics that are not finite, "" where there are none."""
    return f"Not comparable: {', '.join(names[:3])} is not a finite number." if names else ""


def by_interval(params: Mapping[str, object]) -> str:
    """Return the words for `decide_by: interval` at the end of a sentence, "" where the value decides."""
    if params["decide_by"] != "interval":
        return ""
    return f", judged by its {float(str(params['confidence'])) * 100:g} % confidence interval"
