"""The check of slices: a metric of groups of rows, such as new accounts, must keep within limits.

A slice of `val_accuracy` is a metric called `val_accuracy_new_accounts` (`.` and `/` also separate the name). The
four-fifths rule, a ratio of at least 0.8 between the worst and the best slice, is from the Uniform Guidelines on
Employee Selection Procedures (29 CFR 1607.4 D).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping

from core.errors import InvalidInput
from core.text import english_list
from validation.base import CheckResult, EvidenceFile, ParamsCheck, Progress, RunFacts, Subject
from validation.checks.intervals import SUFFIXES, interval_of
from validation.checks.measures import not_finite
from validation.params import Param, figure, texts

_SEPARATORS = ("_", ".", "/")
_NOT_SLICES = (*SUFFIXES, "_std")
_CONFIDENCE = 0.95


class Slices(ParamsCheck):
    """Compares the slices of a metric with limits and with each other."""

    code = "metric.slices"
    description = "The metric keeps within limits in every slice, and slices do not differ too much."
    params = (
        Param(
            "metric",
            "name",
            "The metric whose slices are compared. A slice is a metric named `METRIC_SLICE`.",
            "val_accuracy",
        ),
        Param("slices", "names", "The required slices; by default all that the run or Production has.", ()),
        Param("at_least", "number", "The lower limit of every slice."),
        Param("at_most", "number", "The upper limit of every slice, for errors and losses."),
        Param("max_gap", "number", "The largest difference between two slices.", least=0),
        Param(
            "min_ratio",
            "number",
            "The smallest ratio of two slices (0.8: four fifths).",
            least=0,
            most=1,
        ),
        Param("min_slices", "count", "The smallest number of slices.", 2, least=1, most=100),
    )

    def parse(self, params: Mapping[str, object]) -> Mapping[str, object]:
        """Return the parameters with their defaults. Raises InvalidInput, also if no limit is set."""
        parsed = super().parse(params)
        if all(parsed[name] is None for name in ("at_least", "at_most", "max_gap", "min_ratio")):
            raise InvalidInput("at_least, at_most, max_gap or min_ratio must be set to a number")
        return parsed

    def describe(self, params: Mapping[str, object]) -> str:
        """Return the requirement on a version, as a sentence."""
        templates = {
            "at_least": "be at least {:g} in every slice",
            "at_most": "be at most {:g} in every slice",
            "max_gap": "differ by at most {:g} between slices",
            "min_ratio": "be in every slice at least {:g} times its value in any other",
        }
        limits = [(text, figure(params, name)) for name, text in templates.items()]
        requirements = english_list([text.format(limit) for text, limit in limits if limit is not None])
        return f"{params['metric']} must {requirements}."

    def inputs(self, subject: Subject, params: Mapping[str, object]) -> object:
        """Return the slices of the run with their intervals, and the required slices."""
        name = str(params["metric"])
        slices = slices_of(subject.run, name)
        return ({"unusable": list(subject.run.unusable)} if subject.run.unusable else {}) | {
            "run": subject.run.run_id,
            "slices": {key: repr(value) for key, value in slices.items()},
            "wanted": _required_slices(subject, params),
            "intervals": {key: _interval(subject.run, name, key) for key in slices},
        }

    def run(self, subject: Subject, params: Mapping[str, object], progress: Progress) -> CheckResult:
        """Return a pass if every slice keeps within the limits and no required slice is missing."""
        name = str(params["metric"])
        required, slices = _required_slices(subject, params), slices_of(subject.run, name)
        if params["slices"]:
            slices = {key: value for key, value in slices.items() if key in texts(params, "slices")}
        rows = [
            {"slice": key, "value": repr(value), "interval": _interval(subject.run, name, key)}
            for key, value in sorted(slices.items(), key=lambda item: item[1])
        ]
        evidence: dict[str, object] = {"metric": name, "slices": rows, "missing": sorted(set(required) - slices.keys())}
        files = (EvidenceFile("slices.csv", _table(rows), "text/csv"),) if rows else ()
        unusable = [key for key in subject.run.unusable if key.startswith(_prefixes(name))]
        problem = not_finite(unusable) or _problem(name, slices, set(required), params)
        summary = problem or _pass_summary(name, slices)
        return CheckResult(passed=not problem, summary=summary[:1000], evidence=evidence, files=files)


def slices_of(run: RunFacts, metric: str) -> dict[str, float]:
    """Return the slices of a metric that a run logged, by name."""
    return {key[len(metric) + 1 :]: value for key, value in run.metrics.items() if _is_slice(key, metric)}


def _prefixes(metric: str) -> tuple[str, ...]:
    return tuple(f"{metric}{separator}" for separator in _SEPARATORS)


def _is_slice(key: str, metric: str) -> bool:
    return key.startswith(_prefixes(metric)) and len(key) > len(metric) + 1 and not key.endswith(_NOT_SLICES)


def _required_slices(subject: Subject, params: Mapping[str, object]) -> list[str]:
    """Return the slices in the policy or, without any, those of Production, which a candidate must not leave out."""
    if params["slices"]:
        return sorted(texts(params, "slices"))
    incumbent = subject.incumbent
    if incumbent is None or incumbent.version_id == subject.version_id:
        return []
    name = str(params["metric"])
    unusable = [key[len(name) + 1 :] for key in incumbent.run.unusable if _is_slice(key, name)]
    return sorted({*slices_of(incumbent.run, name), *unusable})


def _problem(name: str, slices: Mapping[str, float], required: set[str], params: Mapping[str, object]) -> str:
    """Return the first reason why the check fails, "" if it passes."""
    if missing := sorted(required - slices.keys()):
        return f"Slices of {name} are missing: {', '.join(missing)}."
    if len(slices) < int(str(params["min_slices"])):
        return f"The run has {len(slices)} slices of {name}; {params['min_slices']} are required. Log a slice as {name}_SLICE."
    return _limit_problem(name, slices, params) or _spread_problem(name, slices, params)


def _limit_problem(name: str, slices: Mapping[str, float], params: Mapping[str, object]) -> str:
    (lowest, low), (highest, high) = _extremes(slices)
    least, most = figure(params, "at_least"), figure(params, "at_most")
    if least is not None and low < least:
        return f"{name} of {lowest} is {low:.4g}, below {least:.4g}."
    if most is not None and high > most:
        return f"{name} of {highest} is {high:.4g}, above {most:.4g}."
    return ""


def _spread_problem(name: str, slices: Mapping[str, float], params: Mapping[str, object]) -> str:
    (lowest, low), (highest, high) = _extremes(slices)
    gap, ratio = figure(params, "max_gap"), figure(params, "min_ratio")
    if gap is not None and high - low > gap + 1e-12:
        difference = f"{high - low:.4g} between {lowest} ({low:.4g}) and {highest} ({high:.4g})"
        return f"{name} differs by {difference}, more than {gap:.4g}."
    if ratio is not None and (low < 0 or low < ratio * high - 1e-12):
        return f"{name} of {lowest} ({low:.4g}) is less than {ratio:.4g} of that of {highest} ({high:.4g})."
    return ""


def _extremes(slices: Mapping[str, float]) -> tuple[tuple[str, float], tuple[str, float]]:
    """Return the slices with the lowest and the highest value. The name decides between equal values."""
    ordered = sorted(slices.items(), key=lambda item: (item[1], item[0]))
    return ordered[0], ordered[-1]


def _pass_summary(name: str, slices: Mapping[str, float]) -> str:
    (lowest, low), (highest, high) = _extremes(slices)
    return f"{name} is between {low:.4g} ({lowest}) and {high:.4g} ({highest}) over {len(slices)} slices."


def _interval(run: RunFacts, metric: str, slice_name: str) -> str:
    """Return the interval of a slice as text, "" without one. Its counts are logged with the name of the slice."""
    key = next(prefix + slice_name for prefix in _prefixes(metric) if prefix + slice_name in run.metrics)
    slice_metrics = {metric: run.metrics[key]} | {
        f"{metric}{suffix}": run.metrics[f"{key}{suffix}"] for suffix in SUFFIXES if f"{key}{suffix}" in run.metrics
    }
    interval = interval_of(slice_metrics, metric, _CONFIDENCE)
    return f"{interval.text} ({interval.method})" if interval else ""


def _table(rows: list[dict[str, str]]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, ["slice", "value", "interval"], quoting=csv.QUOTE_ALL)
    writer.writeheader()
    # A spreadsheet would evaluate a cell that looks like a formula. An apostrophe makes the cell text.
    writer.writerows(
        [{k: f"'{v}" if v[:1] in "=+-@\t\r" and k == "slice" else v for k, v in row.items()} for row in rows]
    )
    return out.getvalue().encode()
