"""Metrics of a model's versions side by side, for the list of versions and the charts below it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count

from console.runs.presenters.metrics import judge_change
from console.shell.charts import Chart, draw
from registry.models import ModelVersion
from tracking.models import LatestMetric
from tracking.queries import metric_value

_COLUMNS = 3
_KEYS_CONSIDERED = 200
LabelledValue = tuple[str, float | None]


@dataclass(frozen=True, slots=True)
class VersionMetrics:
    """The most important metrics of the versions, up to three.

    ``rows`` has, for each version number, the metrics with their values (None: not logged). ``charts`` has a curve for
    each metric that at least two versions have.
    """

    keys: list[str]
    rows: dict[int, list[LabelledValue]]
    charts: list[Chart]


def metrics_of_versions(versions: Sequence[ModelVersion]) -> VersionMetrics:
    """Return up to three metrics of these versions, in two queries. Training metrics come last."""
    runs = {version.run_id for version in versions if version.run_id}
    logged = LatestMetric.objects.filter(run_id__in=runs)
    counted = logged.values_list("key").annotate(runs=Count("pk")).order_by("-runs", "key")
    keys = _most_important(dict(counted[:_KEYS_CONSIDERED]))
    values = {(row.run_id, row.key): metric_value(row) for row in logged.filter(key__in=keys)}
    rows = {version.version: [(key, values.get((version.run_id, key))) for key in keys] for version in versions}
    charts = [_chart(key, column, rows) for column, key in enumerate(keys)]
    return VersionMetrics(keys, rows, [chart for chart in charts if chart is not None])


def _most_important(runs_by_key: dict[str, int]) -> list[str]:
    """Return up to three metrics, the most important first; ``runs_by_key`` counts the runs that logged each.

    A training metric comes after every other metric. Then a slice of another metric (``val_auc_small`` of ``val_auc``)
    comes after a whole metric, a metric of fewer runs after one of more runs, and a metric whose better direction is
    not known after one whose better direction is known.
    """

    def rank(key: str) -> tuple[bool, bool, int, bool, str]:
        is_slice = any(key.startswith(f"{other}_") for other in runs_by_key)
        return key.startswith("train"), is_slice, -runs_by_key[key], judge_change(key, 1.0)[0] == "none", key

    return sorted(runs_by_key, key=rank)[:_COLUMNS]


def _chart(key: str, column: int, rows: dict[int, list[LabelledValue]]) -> Chart | None:
    values = [(float(number), row[column][1]) for number, row in sorted(rows.items())]
    points = [(number, value) for number, value in values if value is not None and math.isfinite(value)]
    return draw(key, {"by version": points}) if len(points) > 1 else None
