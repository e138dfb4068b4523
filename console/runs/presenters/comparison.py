"""Several runs side by side: which value is best under each metric, and in what the runs differ."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from console.runs.presenters.curves import curves_of
from console.runs.presenters.metrics import verdict_on
from console.shell.charts import Chart
from core.errors import InvalidInput
from tracking.models import Run
from tracking.queries import RunFacts, run_facts

MOST = 6


@dataclass(frozen=True, slots=True)
class Value:
    """One run's value of a metric. ``best``: no other run has a better one, where it is known which way is better."""

    number: float | None
    best: bool


@dataclass(frozen=True, slots=True)
class MetricLine:
    """One metric of all runs."""

    key: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class TextLine:
    """One parameter or other fact of all runs, as text ("" where a run has none)."""

    key: str
    values: tuple[str, ...]

    @property
    def differs(self) -> bool:
        return len(set(self.values)) > 1


@dataclass(frozen=True, slots=True)
class RunComparison:
    """The page. ``differing`` are the facts in which the runs are not alike, ``common`` the others."""

    runs: list[Run]
    names: list[str]
    charts: list[Chart]
    metrics: list[MetricLine]
    differing: list[TextLine]
    common: list[TextLine]


def compare_runs(run_ids: Sequence[str]) -> RunComparison:
    """Return up to six runs side by side, in the order given. NotFound; InvalidInput for more of them."""
    wanted = list(dict.fromkeys(run_ids))
    if len(wanted) > MOST:
        raise InvalidInput(f"At most {MOST} runs are compared at once.")
    facts = [run_facts(run_id) for run_id in wanted]
    names = _names([found.run for found in facts])
    texts = [*_lines(facts, lambda found: found.params), *_lines(facts, _origin)]
    return RunComparison(
        runs=[found.run for found in facts],
        names=names,
        charts=curves_of(dict(zip(wanted, names, strict=True))) if wanted else [],
        metrics=[_metric(key, facts) for key in _keys(found.metrics for found in facts)],
        differing=[line for line in texts if line.differs],
        common=[line for line in texts if not line.differs],
    )


def _names(runs: Sequence[Run]) -> list[str]:
    """Return what to call each run: its name, with the beginning of its id where another has the same."""
    plain = [run.name or run.pk[:8] for run in runs]
    return [f"{name} ({run.pk[:6]})" if plain.count(name) > 1 else name for name, run in zip(plain, runs, strict=True)]


def _keys(mappings: Iterable[dict[str, float]]) -> list[str]:
    return sorted({key for found in mappings for key in found}, key=lambda key: (key.startswith("train"), key))


def _metric(key: str, facts: Sequence[RunFacts]) -> MetricLine:
    values = [found.metrics.get(key) for found in facts]
    known = [value for value in values if value is not None and math.isfinite(value)]
    best = _best(key, known) if len(known) > 1 else None
    return MetricLine(key, tuple(Value(value, best is not None and value == best) for value in values))


def _best(key: str, values: Sequence[float]) -> float | None:
    """Return the best of the values, None where nobody can say which way is better or all are the same."""
    low, high = min(values), max(values)
    if low == high:
        return None
    return {"better": high, "worse": low}.get(verdict_on(key, 1.0)[1])


def _lines(facts: Sequence[RunFacts], read: Callable[[RunFacts], dict[str, str]]) -> list[TextLine]:
    found = [read(one) for one in facts]
    keys = dict.fromkeys(key for mapping in found for key in mapping)
    return [TextLine(key, tuple(mapping.get(key, "") for mapping in found)) for key in keys]


def _origin(facts: RunFacts) -> dict[str, str]:
    data = [f"{used.dataset.name} {used.dataset.digest}" for used in facts.datasets]
    return {
        "Data": ", ".join(dict.fromkeys(data)),
        "Code": facts.tags.get("git_commit") or facts.tags.get("mlflow.source.git.commit", ""),
        "By": facts.run.created_by,
    }
