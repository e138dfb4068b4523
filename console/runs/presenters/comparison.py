"""Several runs side by side: the best value of each metric, and the parameters in which the runs differ."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from console.runs.presenters.curves import curves_of
from console.runs.presenters.metrics import judge_change
from console.shell.charts import Chart
from console.shell.lookups import find_run_facts
from core.actors import Actor
from tracking.models import Run
from tracking.queries import RunFacts

MAX_RUNS = 6


@dataclass(frozen=True, slots=True)
class Value:
    """One run's value of a metric. ``best`` tells that it is the best of all; the better direction is then known."""

    number: float | None
    best: bool


@dataclass(frozen=True, slots=True)
class MetricLine:
    """One metric with its value in each run."""

    key: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class TextLine:
    """One parameter or other detail with its text in each run, "" where a run has none."""

    key: str
    values: tuple[str, ...]

    @property
    def differs(self) -> bool:
        """Return whether the runs differ."""
        return len(set(self.values)) > 1


@dataclass(frozen=True, slots=True)
class NamedRun:
    """A run with the name it has on the page."""

    run: Run
    name: str


@dataclass(frozen=True, slots=True)
class RunComparison:
    """The page. ``differing`` are the details in which the runs differ, ``common`` the others.

    ``left_out`` are the ids of chosen runs beyond the six that are compared.
    """

    runs: list[NamedRun]
    charts: list[Chart]
    metrics: list[MetricLine]
    differing: list[TextLine]
    common: list[TextLine]
    left_out: list[str]

    @property
    def chosen_count(self) -> int:
        """Return how many runs were chosen."""
        return len(self.runs) + len(self.left_out)

    @property
    def names(self) -> list[str]:
        """Return the names of the runs."""
        return [row.name for row in self.runs]


def compare_runs(actor: Actor, run_ids: Sequence[str]) -> RunComparison:
    """Return the first six of these runs side by side, in the order given, and the ids of the others.

    Raises NotFound.
    """
    chosen = list(dict.fromkeys(run_ids))
    compared_ids = chosen[:MAX_RUNS]
    facts = [find_run_facts(actor, run_id) for run_id in compared_ids]
    names = _names([row.run for row in facts])
    texts = [*_lines(facts, lambda row: row.params), *_lines(facts, _origin)]
    return RunComparison(
        runs=[NamedRun(row.run, name) for row, name in zip(facts, names, strict=True)],
        charts=curves_of(dict(zip(compared_ids, names, strict=True))) if compared_ids else [],
        metrics=[_metric(key, facts) for key in _keys(row.metrics for row in facts)],
        differing=[line for line in texts if line.differs],
        common=[line for line in texts if not line.differs],
        left_out=chosen[MAX_RUNS:],
    )


def _names(runs: Sequence[Run]) -> list[str]:
    """Return the name of each run, with the beginning of its id where two have the same name."""
    names = [run.name or run.pk[:8] for run in runs]
    return [f"{name} ({run.pk[:6]})" if names.count(name) > 1 else name for name, run in zip(names, runs, strict=True)]


def _keys(mappings: Iterable[dict[str, float]]) -> list[str]:
    return sorted({key for mapping in mappings for key in mapping}, key=lambda key: (key.startswith("train"), key))


def _metric(key: str, facts: Sequence[RunFacts]) -> MetricLine:
    values = [row.metrics.get(key) for row in facts]
    finite = [value for value in values if value is not None and math.isfinite(value)]
    best = _best(key, finite) if len(finite) > 1 else None
    return MetricLine(key, tuple(Value(value, best is not None and value == best) for value in values))


def _best(key: str, values: Sequence[float]) -> float | None:
    """Return the best of the values, None where the better direction is not known or all are the same."""
    low, high = min(values), max(values)
    if low == high:
        return None
    return {"better": high, "worse": low}.get(judge_change(key, 1.0)[1])


def _lines(facts: Sequence[RunFacts], read: Callable[[RunFacts], dict[str, str]]) -> list[TextLine]:
    mappings = [read(row) for row in facts]
    keys = dict.fromkeys(key for mapping in mappings for key in mapping)
    return [TextLine(key, tuple(mapping.get(key, "") for mapping in mappings)) for key in keys]


def _origin(facts: RunFacts) -> dict[str, str]:
    data = [f"{used.dataset.name} {used.dataset.digest}" for used in facts.datasets]
    return {
        "Data": ", ".join(dict.fromkeys(data)),
        "Code": facts.tags.get("git_commit") or facts.tags.get("mlflow.source.git.commit", ""),
        "By": facts.run.created_by,
    }
