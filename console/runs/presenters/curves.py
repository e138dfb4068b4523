"""The metric histories of runs as charts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from console.shell.charts import Chart, Point, draw
from tracking.models import Metric

MAX_CHARTS = 24
MAX_VALUES = 60_000


def curves_of(names: dict[str, str], keys: Sequence[str] = ()) -> list[Chart]:
    """Return a chart for each metric that has a history, with a line for each run (``names``: run id → its name).

    One query reads at most MAX_VALUES logged values. A metric that was logged once has no history.
    """
    rows = Metric.objects.filter(run_id__in=list(names), is_nan=False).order_by("key", "step", "timestamp_ms", "pk")
    if keys:
        rows = rows.filter(key__in=list(keys))
    histories: dict[str, dict[str, list[Point]]] = defaultdict(lambda: defaultdict(list))
    for run_id, key, step, value in rows.values_list("run_id", "key", "step", "value")[:MAX_VALUES]:
        histories[key][names[run_id]].append((float(step), value))
    # The lines are in the order of ``names``, so that a run has the same colour in every chart and in the legend.
    sorted_histories = {key: {name: runs.get(name, []) for name in names.values()} for key, runs in histories.items()}
    charts = [draw(key, series) for key, series in sorted_histories.items() if _is_curve(series)]
    return [chart for chart in charts if chart is not None][:MAX_CHARTS]


def _is_curve(series: dict[str, list[Point]]) -> bool:
    return any(len({step for step, _ in points}) > 1 for points in series.values())
