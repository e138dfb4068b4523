"""The check that a metric keeps within limits."""

from __future__ import annotations

from collections.abc import Mapping

from core.errors import InvalidInput
from validation.base import CheckResult, ParamsCheck, Progress, Subject
from validation.checks.intervals import interval_of
from validation.checks.measures import CONFIDENCE, by_interval, failed, interval_text, not_finite, unusable_of, value_of
from validation.params import Param, figure


class Threshold(ParamsCheck):
    """Compares a metric of the run with limits."""

    code = "metric.threshold"
    description = "A metric of the run keeps within the limits that the policy sets."
    params = (
        Param("metric", "name", "The name of the metric.", required=True),
        Param("at_least", "number", "The lower limit."),
        Param("at_most", "number", "The upper limit."),
        Param(
            "decide_by",
            "choice",
            "`value`: the value is compared. `interval`: the whole confidence interval must keep within the limits.",
            "value",
            choices=("value", "interval"),
        ),
        CONFIDENCE,
    )

    def parse(self, params: Mapping[str, object]) -> Mapping[str, object]:
        """Return the parameters with their defaults. Raises InvalidInput, also if no limit is set."""
        parsed = super().parse(params)
        if parsed["at_least"] is None and parsed["at_most"] is None:
            raise InvalidInput("at_least or at_most must be set to a number")
        return parsed

    def describe(self, params: Mapping[str, object]) -> str:
        """Return the requirement on a version, as a sentence."""
        limits = (("at least", figure(params, "at_least")), ("at most", figure(params, "at_most")))
        text = " and ".join(f"{side} {limit:g}" for side, limit in limits if limit is not None)
        return f"{params['metric']} must be {text}{by_interval(params)}."

    def inputs(self, subject: Subject, params: Mapping[str, object]) -> object:
        """Return the run, the value of the metric and its interval."""
        name = str(params["metric"])
        interval = interval_of(subject.run.metrics, name, 0.95)
        values = {
            "run": subject.run.run_id,
            "value": value_of(subject.run.metrics, name),
            "interval": interval_text(interval),
        }
        unusable = unusable_of(subject.run, name)
        return values | {"unusable": list(unusable)} if unusable else values

    def run(self, subject: Subject, params: Mapping[str, object], progress: Progress) -> CheckResult:
        """Return a pass if the metric keeps within the limits."""
        name = str(params["metric"])
        value = subject.run.metrics.get(name)
        limits = {side: repr(params[side]) for side in ("at_least", "at_most") if params[side] is not None}
        evidence: dict[str, object] = {"metric": name, "value": value_of(subject.run.metrics, name), **limits}
        if why := not_finite(unusable_of(subject.run, name)):
            return failed(why, evidence)
        if value is None:
            return failed(f"The run has no metric {name}.", evidence)
        interval = interval_of(subject.run.metrics, name, figure(params, "confidence") or 0.95)
        if interval is not None:
            evidence["interval"] = {"interval": interval.text, "method": interval.method}
        low = high = value
        if params["decide_by"] == "interval":
            if interval is None:
                return failed(
                    f"No interval of {name} can be computed: log {name}_n, or {name}_ci_low and _ci_high.", evidence
                )
            low, high = interval.low, interval.high
        least, most = figure(params, "at_least"), figure(params, "at_most")
        described = f" ({interval.text}, {interval.method})" if interval is not None else ""
        if least is not None and low < least:
            return failed(f"{name} {value:.6g}{described} is below {least:.6g}.", evidence)
        if most is not None and high > most:
            return failed(f"{name} {value:.6g}{described} is above {most:.6g}.", evidence)
        sides = (("at least", least), ("at most", most))
        limits_text = " and ".join(f"{side} {limit:.6g}" for side, limit in sides if limit is not None)
        return CheckResult(passed=True, summary=f"{name} {value:.6g}{described} is {limits_text}.", evidence=evidence)
