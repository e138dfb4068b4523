"""Checks on what was measured.

Which metric is compared: of the wanted names, in order, the first that the current Production version has. It decides
which number is at stake, so a candidate cannot pass by not measuring it. When Production has none of the names there is
nothing sound to compare with and the check fails, unless there is no Production version at all.
"""

from __future__ import annotations

from collections.abc import Mapping

from approvals.checks.base import CheckResult, Incumbent, Progress, Subject, names_param, refuse_unknown
from audit.errors import InvalidInput

# Looked for after `metric`, in this order: validation first, then test, then what autolog measures on the training data.
COMMON_METRICS = (
    "val_auc",
    "val_roc_auc",
    "val_accuracy",
    "val_f1",
    "val_r2",
    "test_auc",
    "test_roc_auc",
    "test_accuracy",
    "test_f1",
    "test_r2",
    "accuracy",
    "training_roc_auc",
    "training_accuracy_score",
    "training_f1_score",
    "training_r2_score",
    "training_score",
)
_KNOWN = frozenset({"metric", "fallback", "against", "tolerance", "higher_is_better"})
_MAX_TOLERANCE = 1e9


class NoRegression:
    """The candidate is no worse than the current Production version, give or take ``tolerance``.

    ``metric`` (val_auc) comes first, then ``fallback`` (the common names above; [] for none). ``higher_is_better`` is
    true unless said otherwise. Runs on different data are compared all the same, and the answer says that they differ.
    """

    code = "metric.no_regression"

    def parse(self, params: Mapping[str, object]) -> Mapping[str, object]:
        refuse_unknown(params, _KNOWN)
        if params.get("against", "current_production") != "current_production":
            raise InvalidInput("against must be current_production")
        if not isinstance(params.get("higher_is_better", True), bool):
            raise InvalidInput("higher_is_better must be true or false")
        metric = params.get("metric", COMMON_METRICS[0])
        if not isinstance(metric, str) or not metric:
            raise InvalidInput("metric must be the name of a metric")
        fallback = () if params.get("fallback") == [] else names_param(params, "fallback", COMMON_METRICS)
        return {
            "names": tuple(dict.fromkeys([metric, *fallback])),
            "tolerance": _tolerance(params.get("tolerance", 0)),
            "higher_is_better": params.get("higher_is_better", True),
        }

    def inputs(self, subject: Subject, params: Mapping[str, object]) -> object:
        incumbent = _other(subject)
        if incumbent is None:
            return {"incumbent": None}
        name = _chosen(incumbent, params)
        return {
            "incumbent": incumbent.version_id,
            "metric": name,
            "values": [_value(subject.run.metrics, name), _value(incumbent.run.metrics, name)],
            "data": [_data_of(subject.run.tags, subject), _data_of(incumbent.run.tags, incumbent)],
        }

    def run(self, subject: Subject, params: Mapping[str, object], progress: Progress) -> CheckResult:
        parsed = params
        incumbent = _other(subject)
        if incumbent is None:
            summary = "Nothing to compare with: no other version is in Production."
            return CheckResult(passed=True, summary=summary, evidence={"incumbent": None})
        name = _chosen(incumbent, parsed)
        evidence: dict[str, object] = {
            "incumbent": incumbent.number,
            "metric": name,
            "tolerance": repr(parsed["tolerance"]),
            "data": {
                "candidate": _data_of(subject.run.tags, subject),
                "incumbent": _data_of(incumbent.run.tags, incumbent),
            },
        }
        if name is None:
            wanted = ", ".join(_names(parsed)[:3])
            summary = f"Not comparable: version {incumbent.number}, in Production, has no metric such as {wanted}."
            return CheckResult(passed=False, summary=summary, evidence=evidence)
        return _compare(subject, incumbent, name, parsed, evidence)


def _compare(
    subject: Subject, incumbent: Incumbent, name: str, parsed: Mapping[str, object], evidence: dict[str, object]
) -> CheckResult:
    theirs = incumbent.run.metrics[name]
    ours = subject.run.metrics.get(name)
    evidence |= {"incumbent_value": repr(theirs), "candidate_value": None if ours is None else repr(ours)}
    if ours is None:
        summary = f"Not comparable: version {incumbent.number}, in Production, has {name}; this version's run has not."
        return CheckResult(passed=False, summary=summary, evidence=evidence)
    sign = 1 if parsed["higher_is_better"] else -1
    gain = sign * (ours - theirs)
    # The tolerance is meant in decimals: 0.925 is not worse than 0.93 by more than 0.005, whatever binary says.
    passed = gain >= -float(str(parsed["tolerance"])) - 1e-12
    verb = "no worse than" if passed else "worse than"
    summary = (
        f"{name} {ours:.6g} is {verb} {theirs:.6g} of version {incumbent.number} (tolerance {parsed['tolerance']})."
    )
    data = evidence["data"]
    if isinstance(data, dict) and data["candidate"] != data["incumbent"]:
        summary += f" The data differ: {data['candidate'] or 'unknown'} against {data['incumbent'] or 'unknown'}."
    return CheckResult(passed=passed, summary=summary[:1000], evidence=evidence)


def _other(subject: Subject) -> Incumbent | None:
    """Return the version to compare with: the current Production one, unless that is the candidate itself."""
    incumbent = subject.incumbent
    return None if incumbent is None or incumbent.version_id == subject.version_id else incumbent


def _names(params: Mapping[str, object]) -> tuple[str, ...]:
    names = params["names"]
    return tuple(names) if isinstance(names, tuple) else ()


def _chosen(incumbent: Incumbent, params: Mapping[str, object]) -> str | None:
    return next((name for name in _names(params) if name in incumbent.run.metrics), None)


def _value(metrics: Mapping[str, float], name: str | None) -> str | None:
    return repr(metrics[name]) if name is not None and name in metrics else None


def _data_of(tags: Mapping[str, str], holder: Subject | Incumbent) -> str:
    """Return what data a run stands on, in a word: its dataset_version, else the datasets it logged."""
    logged = ", ".join(f"{name}@{digest}" for name, digest, _ in holder.run.datasets)
    return (tags.get("dataset_version") or logged)[:300]


def _tolerance(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _MAX_TOLERANCE:
        raise InvalidInput("tolerance must be a number from 0")
    return float(value)
