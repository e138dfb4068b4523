"""Keeping metric values: the whole history, and beside it the value of each key that counts now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from audit.errors import NotFound
from tracking.limits import Point
from tracking.models import LatestMetric, LoggedModel, Metric, Run
from tracking.queries import metric_rank

Row = TypeVar("Row", Metric, LatestMetric)

_LATEST_FIELDS = ["value", "is_nan", "timestamp_ms", "step", "model_id", "dataset_name", "dataset_digest"]


def add_points(run: Run, points: Sequence[Point]) -> None:
    """Insert values of a locked run in a fixed number of statements; a value that is there already is left alone.

    NotFound: a value names a logged model that there is not.
    """
    if not points:
        return
    _require_models({point.model_id for point in points if point.model_id})
    rows = [_row(Metric, run, point) for point in points]
    Metric.objects.bulk_create(rows, ignore_conflicts=True)
    _raise_latest(run, points)


def _require_models(model_ids: set[str]) -> None:
    if not model_ids:
        return
    known = set(LoggedModel.objects.filter(pk__in=model_ids).values_list("pk", flat=True))
    if missing := sorted(model_ids - known):
        raise NotFound(f"Logged model with ID '{missing[0]}' not found.")


def _row(table: type[Row], run: Run, point: Point) -> Row:
    return table(
        run=run,
        key=point.key,
        value=point.stored_value,
        is_nan=point.is_nan,
        timestamp_ms=point.timestamp_ms,
        step=point.step,
        model_id=point.model_id,
        dataset_name=point.dataset_name,
        dataset_digest=point.dataset_digest,
    )


def _raise_latest(run: Run, points: Sequence[Point]) -> None:
    """Put the latest value by (step, timestamp, value) of each key in its place. The run's lock keeps others out."""
    best: dict[str, LatestMetric] = {}
    for point in points:
        row = _row(LatestMetric, run, point)
        if point.key not in best or metric_rank(row) > metric_rank(best[point.key]):
            best[point.key] = row
    held = {metric.key: metric for metric in LatestMetric.objects.filter(run=run, key__in=best.keys())}
    better = [row for key, row in best.items() if key not in held or metric_rank(row) > metric_rank(held[key])]
    LatestMetric.objects.bulk_create(
        better, update_conflicts=True, unique_fields=["run", "key"], update_fields=_LATEST_FIELDS
    )
