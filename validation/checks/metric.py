"""The check that a version is no worse than the current Production version.

The check compares the first of the configured metrics that the Production version has. A candidate without this metric
fails. If the Production version has none of the metrics, the check fails. If there is no Production version to compare
with, it passes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from validation.base import CheckResult, Incumbent, ParamsCheck, Progress, RunFacts, Subject
from validation.checks.evaluation_data import Data, DataMatch, data_behind, match_data, measured_by
from validation.checks.intervals import Interval, difference, interval_of
from validation.checks.measures import (
    COMMON_METRICS,
    CONFIDENCE,
    HIGHER_IS_BETTER,
    by_interval,
    failed,
    interval_text,
    is_higher_better,
    not_finite,
    unusable_of,
    value_of,
)
from validation.params import Param, figure, texts


class NoRegression(ParamsCheck):
    """Compares a metric of the candidate with that of the current Production version."""

    code = "metric.no_regression"
    description = "The candidate is no worse than the current Production version, on the same evaluation data, within a tolerance."
    params: ClassVar[tuple[Param, ...]] = (
        Param("metric", "name", "The metric that is compared.", COMMON_METRICS[0]),
        Param(
            "fallback",
            "names",
            "Metrics that are tried in this order if Production does not have `metric`.",
            COMMON_METRICS,
        ),
        Param(
            "against",
            "choice",
            "The version to compare with; while Production is empty, the last one promoted there.",
            "current_production",
            choices=("current_production",),
        ),
        Param("tolerance", "number", "By how much the candidate may be worse.", 0, least=0, most=1e9),
        HIGHER_IS_BETTER,
        Param(
            "decide_by",
            "choice",
            "`value`: the difference is compared with the tolerance. `interval`: the confidence interval of the difference must "
            "exclude a loss beyond the tolerance; the check fails if the interval cannot be computed.",
            "value",
            choices=("value", "interval"),
        ),
        CONFIDENCE,
        Param(
            "different_data",
            "choice",
            "Whether evaluation data may differ, or be named by Production only.",
            "refuse",
            choices=("refuse", "allow"),
        ),
        Param(
            "unknown_data",
            "choice",
            "Whether the evaluation data of Production may be unknown.",
            "allow",
            choices=("allow", "refuse"),
        ),
    )

    nothing = "Nothing to compare with: no other version is or was in Production."

    def other(self, subject: Subject) -> Incumbent | None:
        """Return the version to compare with: the current or else the last Production version; None without another."""
        return _unless_itself(subject.incumbent or subject.predecessor, subject)

    def parse(self, params: Mapping[str, object]) -> Mapping[str, object]:
        """Return the parameters with their defaults, and `names`, the metrics to try in order. Raises InvalidInput."""
        without_empty_fallback = {k: v for k, v in params.items() if not (k == "fallback" and v == [])}
        parsed = dict(super().parse(without_empty_fallback))
        fallback = () if params.get("fallback") == [] else texts(parsed, "fallback")
        return parsed | {"names": tuple(dict.fromkeys([str(parsed["metric"]), *fallback]))}

    def describe(self, params: Mapping[str, object]) -> str:
        """Return the requirement on a version, as a sentence."""
        tolerance = float(str(params["tolerance"]))
        requirement = f"be no more than {tolerance:g} worse" if tolerance else "not be worse"
        lower = "" if is_higher_better(params, str(params["metric"])) else " (lower is better)"
        text = f"{params['metric']} must {requirement} than in current Production{lower}{by_interval(params)}."
        if params["different_data"] == "allow":
            text += " Different evaluation data are allowed."
        return f"{text} The evaluation data must be known." if params["unknown_data"] == "refuse" else text

    def inputs(self, subject: Subject, params: Mapping[str, object]) -> object:
        """Return the other version, the metric, and the values, data and intervals of both versions.

        It has every metric of the candidate that could be compared, not only the one compared now: after the promotion
        the next version is compared with them, so a change of any of them voids the approval (docs/decisions/0175).
        """
        incumbent, measured = self.other(subject), measured_by(subject.run, texts(params, "names"))
        if incumbent is None:
            return {"incumbent": None, "measured": measured}
        name = _compared_metric(incumbent, params)
        sides = (subject.run, incumbent.run)
        unusable = _unusable(subject, incumbent, name)
        return ({"unusable": list(unusable)} if unusable else {}) | {
            "incumbent": incumbent.version_id,
            "measured": measured,
            "metric": name,
            "values": [value_of(run.metrics, name) for run in sides],
            "data": [_training_data(subject.run), _training_data(incumbent.run)],
            "evaluated_on": [data_behind(run, name or "").text for run in sides],
            "intervals": [interval_text(interval_of(run.metrics, name or "", 0.95)) for run in sides],
        }

    def run(self, subject: Subject, params: Mapping[str, object], progress: Progress) -> CheckResult:
        """Return a pass if the candidate is no worse, or if there is no version to compare with."""
        incumbent = self.other(subject)
        if incumbent is None:
            return CheckResult(passed=True, summary=self.nothing, evidence={"incumbent": None})
        name = _compared_metric(incumbent, params)
        evidence: dict[str, object] = {
            "incumbent": incumbent.number,
            "metric": name,
            "tolerance": repr(float(str(params["tolerance"]))),
            "data": {"candidate": _training_data(subject.run), "incumbent": _training_data(incumbent.run)},
        }
        if name is None:
            metric_names = ", ".join(texts(params, "names")[:3])
            return failed(
                f"Not comparable: version {incumbent.number}, {incumbent.place}, has no metric such as {metric_names}.",
                evidence,
            )
        if why := not_finite(_unusable(subject, incumbent, name)):
            return failed(why, evidence)
        if name not in subject.run.metrics:
            why = f"Not comparable: version {incumbent.number}, {incumbent.place}, has {name}; the run of this version does not."
            return failed(
                why, evidence | {"incumbent_value": repr(incumbent.run.metrics[name]), "candidate_value": None}
            )
        return _compare(_Pair(subject.run, incumbent, name), params, evidence)


@dataclass(frozen=True, slots=True)
class _Pair:
    """The metric ``name`` of two versions, which both have it."""

    candidate: RunFacts
    incumbent: Incumbent
    name: str

    @property
    def candidate_value(self) -> float:
        """The value of the candidate."""
        return self.candidate.metrics[self.name]

    @property
    def incumbent_value(self) -> float:
        """The value of the version that it is compared with."""
        return self.incumbent.run.metrics[self.name]


def _compare(pair: _Pair, params: Mapping[str, object], evidence: dict[str, object]) -> CheckResult:
    candidate_data = data_behind(pair.candidate, pair.name)
    incumbent_data = data_behind(pair.incumbent.run, pair.name)
    match = match_data(candidate_data, incumbent_data)
    evidence |= {
        "incumbent_value": repr(pair.incumbent_value),
        "candidate_value": repr(pair.candidate_value),
        "evaluated_on": {"candidate": candidate_data.text, "incumbent": incumbent_data.text, "match": match.value},
    }
    if why := _not_comparable(pair, match, candidate_data, incumbent_data, params):
        return failed(why, evidence)
    return _compare_values(pair, params, evidence, _about_data(match, evidence))


def _not_comparable(
    pair: _Pair, match: DataMatch, candidate_data: Data, incumbent_data: Data, params: Mapping[str, object]
) -> str:
    """Return the reason why the two values cannot be compared; "" if they can, or if the policy allows it."""
    number, place = pair.incumbent.number, pair.incumbent.place
    if match is DataMatch.UNKNOWN and params["unknown_data"] == "refuse":
        return f"Not comparable: the evaluation data of version {number} are unknown. {_LOG_ADVICE}"
    if params["different_data"] == "allow":
        return ""
    if match is DataMatch.ONLY_INCUMBENT:
        return (
            f"Not comparable: version {number} was evaluated on {incumbent_data}; the evaluation data of this run are "
            f"unknown. {_LOG_ADVICE}"
        )
    if match is DataMatch.DIFFERENT:
        return f"Not comparable: evaluated on {candidate_data}; version {number}, {place}, on {incumbent_data}."
    return ""


_LOG_ADVICE = 'Log the evaluation data (mlflow.log_input, context "eval"), or set the tag eval_dataset_version.'


def _compare_values(
    pair: _Pair, params: Mapping[str, object], evidence: dict[str, object], about_data: str
) -> CheckResult:
    """Return the result of a comparison. The evidence has the interval of the difference, if it can be computed."""
    sign = 1 if is_higher_better(params, pair.name) else -1
    tolerance = float(str(params["tolerance"]))
    confidence = figure(params, "confidence") or 0.95
    interval = _interval_of_difference(pair, confidence)
    about_interval = ""
    if interval is not None:
        evidence["difference"] = {"interval": interval.text, "method": interval.method, "confidence": repr(confidence)}
        about_interval = f" {confidence:.4g} interval of the difference: {interval.text} ({interval.method})."
    gain = sign * (pair.candidate_value - pair.incumbent_value)
    verb = "worse than"
    if params["decide_by"] == "interval":
        if interval is None:
            why = f"No interval of {pair.name} can be computed: log {pair.name}_n, or {pair.name}_ci_low and _ci_high."
            return failed(why, evidence)
        gain = interval.low if sign > 0 else -interval.high
        verb = "not certainly as good as"
    # The tolerance is decimal: 0.925 is worse than 0.93 by 0.005, but the two binary fractions differ by a little more.
    passed = gain >= -tolerance - 1e-12
    summary = (
        f"{pair.name} {pair.candidate_value:.6g} is {'no worse than' if passed else verb} {pair.incumbent_value:.6g} of "
        f"version {pair.incumbent.number} (tolerance {tolerance}).{about_interval}{about_data}"
    )
    return CheckResult(passed=passed, summary=summary[:1000], evidence=evidence)


def _interval_of_difference(pair: _Pair, confidence: float) -> Interval | None:
    candidate = interval_of(pair.candidate.metrics, pair.name, confidence)
    incumbent = interval_of(pair.incumbent.run.metrics, pair.name, confidence)
    if candidate is None or incumbent is None:
        return None
    return difference((pair.candidate_value, candidate), (pair.incumbent_value, incumbent))


def _about_data(match: DataMatch, evidence: Mapping[str, object]) -> str:
    """Return sentences about evaluation and training data that differ or are unknown, "" for none."""
    text = ""
    if match is DataMatch.UNKNOWN:
        text = " Whether both were evaluated on the same data is unknown; they are taken as the same."
    elif match is not DataMatch.SAME:
        text = " They were evaluated on different data; this policy allows that."
    data = evidence["data"]
    if isinstance(data, dict) and data["candidate"] != data["incumbent"]:
        text += f" The training data differ: {data['candidate'] or 'unknown'} against {data['incumbent'] or 'unknown'}."
    return text


def _unless_itself(other: Incumbent | None, subject: Subject) -> Incumbent | None:
    return None if other is None or other.version_id == subject.version_id else other


def _compared_metric(incumbent: Incumbent, params: Mapping[str, object]) -> str | None:
    """Return the first of the configured metrics that the other version has; None if it has none."""
    logged = {*incumbent.run.metrics, *incumbent.run.unusable}
    return next((name for name in texts(params, "names") if name in logged), None)


def _unusable(subject: Subject, incumbent: Incumbent, name: str | None) -> tuple[str, ...]:
    return unusable_of(subject.run, name or "") or unusable_of(incumbent.run, name or "")


def _training_data(run: RunFacts) -> str:
    """Return the training data of a run as text: its tag dataset_version or, without it, the datasets it logged."""
    logged = ", ".join(f"{name}@{digest}" for name, digest, _ in run.datasets)
    return (run.tags.get("dataset_version") or logged)[:300]


class NoCumulativeDrift(NoRegression):
    """Compares a metric with that of the last version that passed a full validation.

    Small losses from version to version cannot add up unnoticed.
    """

    code = "metric.no_cumulative_drift"
    description = "The candidate is no worse than the last version that passed a full validation, within a tolerance."
    params: ClassVar[tuple[Param, ...]] = tuple(param for param in NoRegression.params if param.name != "against")
    nothing = "Nothing to compare with: no other version has passed a full validation."

    def other(self, subject: Subject) -> Incumbent | None:
        """Return the last version that passed a full validation; None without another one."""
        return _unless_itself(subject.baseline, subject)

    def describe(self, params: Mapping[str, object]) -> str:
        """Return the requirement on a version, as a sentence."""
        return (
            super()
            .describe(params)
            .replace("in current Production", "in the last version that passed a full validation")
        )
