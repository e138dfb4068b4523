"""What the checks on metrics share: how a value and its interval are put down, and the parameter of confidence."""

from __future__ import annotations

from collections.abc import Mapping

from validation.base import CheckResult
from validation.checks.intervals import Interval
from validation.params import Param

CONFIDENCE = Param("confidence", "number", "Confidence of the intervals.", 0.95, least=0.5, most=0.999)


def failed(summary: str, evidence: Mapping[str, object]) -> CheckResult:
    """Return a failure."""
    return CheckResult(passed=False, summary=summary[:1000], evidence=evidence)


def value_of(metrics: Mapping[str, float], name: str | None) -> str | None:
    """Return a metric as it is put down in evidence: exactly, and None where there is none."""
    return repr(metrics[name]) if name is not None and name in metrics else None


def shown(interval: Interval | None) -> str:
    """Return an interval as people read it, "" where there is none."""
    return interval.shown if interval is not None else ""
