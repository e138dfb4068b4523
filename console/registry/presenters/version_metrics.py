"""The metrics of a model's versions beside each other: what the list of versions and the picture above it show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count

from console.runs.presenters.metrics import verdict_on
from console.shell.charts import Chart, draw
from registry.models import ModelVersion
from tracking.models import LatestMetric
from tracking.queries import metric_value

_COLUMNS = 3
_KEYS_LOOKED_AT = 200


@dataclass(frozen=True, slots=True)
class VersionMetrics:
    """The metrics most versions have: their names, one row of values a version (None: not logged), and a curve each."""

    keys: list[str]
    rows: dict[int, list[float | None]]
    charts: list[Chart]


def metrics_of_versions(versions: Sequence[ModelVersion]) -> VersionMetrics:
    """Return up to three metrics of these versions, in two queries. Held-out data come before training data."""
    runs = {version.run_id for version in versions if version.run_id}
    logged = LatestMetric.objects.filter(run_id__in=runs)
    counted = logged.values_list("key").annotate(runs=Count("pk")).order_by("-runs", "key")
    keys = _first(dict(counted[:_KEYS_LOOKED_AT]))
    values = {(row.run_id, row.key): metric_value(row) for row in logged.filter(key__in=keys)}
    rows = {version.version: [values.get((version.run_id, key)) for key in keys] for version in versions}
    return VersionMetrics(keys, rows, [chart for place, key in enumerate(keys) if (chart := _chart(key, place, rows))])


def _first(counted: dict[str, int]) -> list[str]:
    """Return the metrics that say most (``counted``: in how many runs each is).

    What was seen in training comes last, before it slices of another metric (``val_auc_small`` of ``val_auc``), then those
    that fewer versions have, and those of which nobody knows which way is better.
    """

    def rank(key: str) -> tuple[bool, bool, int, bool, str]:
        is_slice = any(key.startswith(f"{other}_") for other in counted)
        return key.startswith("train"), is_slice, -counted[key], verdict_on(key, 1.0)[0] == "none", key

    return sorted(counted, key=rank)[:_COLUMNS]


def _chart(key: str, place: int, rows: dict[int, list[float | None]]) -> Chart | None:
    found = [(float(number), values[place]) for number, values in sorted(rows.items())]
    points = [(number, value) for number, value in found if value is not None and math.isfinite(value)]
    return draw(key, {"by version": points}) if len(points) > 1 else None
