"""The check that a version is no worse than the one in Production.

Which metric is compared: of the wanted names, in order, the first that the current Production version has. It decides
which number is at stake, so a candidate cannot pass by not measuring it. When Production has none of the names there is
nothing sound to compare with and the check fails, unless there is no Production version at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from validation.base import CheckResult, Incumbent, ParamsCheck, Progress, RunFacts, Subject
from validation.checks.evaluation_data import Data, Likeness, data_behind, likeness
from validation.checks.intervals import difference, interval_of
from validation.checks.measures import CONFIDENCE, failed, shown, value_of
from validation.params import Param, figure, texts

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
_BETTER = Param("higher_is_better", "flag", "False for errors and losses.", default=True)


class NoRegression(ParamsCheck):
    """The candidate is no worse than the current Production version, on the same evaluation data."""

    code = "metric.no_regression"
    says = "The candidate is no worse than the current Production version, on the same evaluation data, give or take a tolerance."
    params = (
        Param("metric", "name", "The metric that is compared.", COMMON_METRICS[0]),
        Param("fallback", "names", "Looked for, in this order, where Production has no `metric`.", COMMON_METRICS),
        Param(
            "against",
            "choice",
            "What is compared with; while nothing is in Production, the last that was promoted there.",
            "current_production",
            choices=("current_production",),
        ),
        Param("tolerance", "number", "By how much it may be worse.", 0, least=0, most=1e9),
        _BETTER,
        Param(
            "decide_by",
            "choice",
            "`value`: the measured difference decides. `interval`: its confidence interval must exclude a loss beyond the "
            "tolerance; fails where none can be computed.",
            "value",
            choices=("value", "interval"),
        ),
        CONFIDENCE,
        Param(
            "different_data",
            "choice",
            "What to do when the evaluation data differ, or only Production names them.",
            "refuse",
            choices=("refuse", "allow"),
        ),
        Param(
            "unknown_data",
            "choice",
            "What to do when Production does not say what it was evaluated on.",
            "allow",
            choices=("allow", "refuse"),
        ),
    )

    def parse(self, params: Mapping[str, object]) -> Mapping[str, object]:
        plain = {key: value for key, value in params.items() if not (key == "fallback" and value == [])}
        parsed = dict(super().parse(plain))
        fallback = () if params.get("fallback") == [] else texts(parsed, "fallback")
        return parsed | {"names": tuple(dict.fromkeys([str(parsed["metric"]), *fallback]))}

    def inputs(self, subject: Subject, params: Mapping[str, object]) -> object:
        incumbent = _other(subject)
        if incumbent is None:
            return {"incumbent": None}
        name = _chosen(incumbent, params)
        sides = (subject.run, incumbent.run)
        return {
            "incumbent": incumbent.version_id,
            "metric": name,
            "values": [value_of(run.metrics, name) for run in sides],
            "data": [_training_data(subject.run), _training_data(incumbent.run)],
            "evaluated_on": [data_behind(run, name or "").shown for run in sides],
            "intervals": [shown(interval_of(run.metrics, name or "", 0.95)) for run in sides],
        }

    def run(self, subject: Subject, params: Mapping[str, object], progress: Progress) -> CheckResult:
        incumbent = _other(subject)
        if incumbent is None:
            summary = "Nothing to compare with: no other version is or was in Production."
            return CheckResult(passed=True, summary=summary, evidence={"incumbent": None})
        name = _chosen(incumbent, params)
        evidence: dict[str, object] = {
            "incumbent": incumbent.number,
            "metric": name,
            "tolerance": repr(float(str(params["tolerance"]))),
            "data": {"candidate": _training_data(subject.run), "incumbent": _training_data(incumbent.run)},
        }
        if name is None:
            wanted = ", ".join(texts(params, "names")[:3])
            return failed(
                f"Not comparable: version {incumbent.number}, {incumbent.place}, has no metric such as {wanted}.",
                evidence,
            )
        if name not in subject.run.metrics:
            why = f"Not comparable: version {incumbent.number}, {incumbent.place}, has {name}; this version's run has not."
            return failed(
                why, evidence | {"incumbent_value": repr(incumbent.run.metrics[name]), "candidate_value": None}
            )
        return _compare(_Pair(subject.run, incumbent, name), params, evidence)


@dataclass(frozen=True, slots=True)
class _Pair:
    """A metric that both sides have."""

    candidate: RunFacts
    incumbent: Incumbent
    name: str

    @property
    def ours(self) -> float:
        return self.candidate.metrics[self.name]

    @property
    def theirs(self) -> float:
        return self.incumbent.run.metrics[self.name]


def _compare(pair: _Pair, params: Mapping[str, object], evidence: dict[str, object]) -> CheckResult:
    ours, theirs = data_behind(pair.candidate, pair.name), data_behind(pair.incumbent.run, pair.name)
    kind = likeness(ours, theirs)
    evidence |= {
        "incumbent_value": repr(pair.theirs),
        "candidate_value": repr(pair.ours),
        "evaluated_on": {"candidate": ours.shown, "incumbent": theirs.shown, "they_are": kind.value},
    }
    if why := _not_comparable(pair, kind, ours, theirs, params):
        return failed(why, evidence)
    return _judge(pair, params, evidence, _about_data(kind, evidence))


def _not_comparable(pair: _Pair, kind: Likeness, ours: Data, theirs: Data, params: Mapping[str, object]) -> str:
    """Return why the two figures cannot be compared, "" where they can, or where the policy has it so."""
    number = pair.incumbent.number
    if kind is Likeness.UNKNOWN and params["unknown_data"] == "refuse":
        return f"Not comparable: nothing says on which data version {number} was evaluated. {_MEND}"
    if params["different_data"] == "allow":
        return ""
    if kind is Likeness.UNSAID:
        return f"Not comparable: version {number} was evaluated on {theirs}, and this run does not say on what. {_MEND}"
    if kind is Likeness.DIFFERENT:
        return f"Not comparable: evaluated on {ours}; version {number}, {pair.incumbent.place}, on {theirs}."
    return ""


_MEND = 'Log the evaluation data (mlflow.log_input, context "eval"), or set the tag eval_dataset_version.'


def _judge(pair: _Pair, params: Mapping[str, object], evidence: dict[str, object], data: str) -> CheckResult:
    sign = 1 if params["higher_is_better"] else -1
    tolerance = float(str(params["tolerance"]))
    confidence = figure(params, "confidence") or 0.95
    ours = interval_of(pair.candidate.metrics, pair.name, confidence)
    theirs = interval_of(pair.incumbent.run.metrics, pair.name, confidence)
    between = difference((pair.ours, ours), (pair.theirs, theirs)) if ours and theirs else None
    # The tolerance is meant in decimals: 0.925 is not worse than 0.93 by more than 0.005, whatever binary says.
    passed = sign * (pair.ours - pair.theirs) >= -tolerance - 1e-12
    said = ""
    if between is not None:
        evidence["difference"] = {"interval": between.shown, "method": between.method, "confidence": repr(confidence)}
        said = f" {confidence:.4g} interval of the difference: {between.shown} ({between.method})."
    if params["decide_by"] == "interval":
        if between is None:
            why = f"No interval of {pair.name} can be computed: log {pair.name}_n, or {pair.name}_ci_low and _ci_high."
            return failed(why, evidence)
        worst = between.low if sign > 0 else -between.high
        passed = worst >= -tolerance - 1e-12
    number = pair.incumbent.number
    verb = (
        "no worse than"
        if passed
        else "worse than"
        if not said or params["decide_by"] == "value"
        else "not surely as good as"
    )
    summary = f"{pair.name} {pair.ours:.6g} is {verb} {pair.theirs:.6g} of version {number} (tolerance {tolerance})."
    return CheckResult(passed=passed, summary=f"{summary}{said}{data}"[:1000], evidence=evidence)


def _about_data(kind: Likeness, evidence: Mapping[str, object]) -> str:
    said = ""
    if kind is Likeness.UNKNOWN:
        said = " Nothing says that both were evaluated on the same data; taken as the same."
    elif kind is not Likeness.SAME:
        said = " They were evaluated on different data, which this policy allows."
    data = evidence["data"]
    if isinstance(data, dict) and data["candidate"] != data["incumbent"]:
        said += f" The training data differ: {data['candidate'] or 'unknown'} against {data['incumbent'] or 'unknown'}."
    return said


def _other(subject: Subject) -> Incumbent | None:
    """Return the version to compare with: the current Production one, else the last there was; never the candidate itself."""
    incumbent = subject.incumbent or subject.predecessor
    return None if incumbent is None or incumbent.version_id == subject.version_id else incumbent


def _chosen(incumbent: Incumbent, params: Mapping[str, object]) -> str | None:
    return next((name for name in texts(params, "names") if name in incumbent.run.metrics), None)


def _training_data(run: RunFacts) -> str:
    """Return what data a run stands on, in a word: its dataset_version, else the datasets it logged."""
    logged = ", ".join(f"{name}@{digest}" for name, digest, _ in run.datasets)
    return (run.tags.get("dataset_version") or logged)[:300]
