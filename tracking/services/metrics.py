"""Storing metric values: the whole history, and beside it the latest value of each key."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter, itemgetter
from typing import Any

from django.db import connection

from audit.actions import Action
from core.actors import Actor
from core.columns import listed, placeholders, table_of, type_of
from core.errors import NotFound
from core.statements import Statement, number_array, text_array
from core.statements import run as execute
from tracking.limits import Point
from tracking.metric_columns import LATEST_IDENTITY, LATEST_ORDER, POINT_IDENTITY, VALUE_COLUMNS
from tracking.models import LatestMetric, LoggedModel, Metric, Run
from tracking.permissions.runs import Change, logged_model_not_found, require_logged_model

Row = tuple[Any, ...]
"""The values of VALUE_COLUMNS, in that order."""

_COLUMNS = ("run_id", *VALUE_COLUMNS)
_TYPES = [type_of(Metric, column) for column in VALUE_COLUMNS]
# Arrays of values, one for each of VALUE_COLUMNS (PostgreSQL): `arrays` gives their values.
UNNESTED = ", ".join(f"%s::{kind}[]" for kind in _TYPES)
_CHANGED = [column for column in _COLUMNS if column not in LATEST_IDENTITY]


def _insert(model: type[Metric | LatestMetric], conflict: str) -> Statement:
    into = f"INSERT INTO {table_of(model)} AS held ({listed(_COLUMNS)})"
    return Statement(
        f"{into} SELECT %s, * FROM unnest({UNNESTED}) {conflict}",  # noqa: S608 - names
        f"{into} VALUES ({placeholders(_COLUMNS)}) {conflict}",
    )


_KEEP_POINT = f"ON CONFLICT ({listed(POINT_IDENTITY)}) DO NOTHING"
KEEP_LATEST = (
    f"ON CONFLICT ({listed(LATEST_IDENTITY)}) DO UPDATE SET "
    f"{', '.join(f'{column} = excluded.{column}' for column in _CHANGED)} "
    f"WHERE ({listed(LATEST_ORDER, of='excluded')}) > ({listed(LATEST_ORDER, of='held')})"
)
_ADD = _insert(Metric, _KEEP_POINT)
_UPDATE_LATEST = _insert(LatestMetric, KEEP_LATEST)

# A point stores `stored_value` as its value; its other columns are its attributes.
_row: Callable[[Point], Row] = attrgetter(
    *("stored_value" if column == "value" else column for column in VALUE_COLUMNS)
)
_key: Callable[[Row], str] = itemgetter(VALUE_COLUMNS.index("key"))
_order: Callable[[Row], Any] = itemgetter(*(VALUE_COLUMNS.index(column) for column in LATEST_ORDER))


def add_points(run: Run, points: Sequence[Point]) -> None:
    """Insert values of a locked run in two statements; a value that exists already stays as it is.

    The logged models that the values name must exist (`require_models`).
    """
    if not points:
        return
    rows = [_row(point) for point in points]
    _put(_ADD, run.pk, rows)
    _put(_UPDATE_LATEST, run.pk, _latest(rows))


def _latest(rows: Sequence[Row]) -> list[Row]:
    """Return the value of each key that counts; the first of a tie, as on MLflow, where NaN counts as 0."""
    by_key: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_key[_key(row)].append(row)
    return [max(of_key, key=_order) for of_key in by_key.values()]


def require_models(actor: Actor | None, points: Iterable[Point]) -> None:
    """Raise NotFound where a value names a logged model that does not exist, Denied for one the actor may not change.

    A value that names a logged model is one of its metrics. No query where no value names one. ``actor`` None is an
    import, on behalf of others.
    """
    model_ids = {point.model_id for point in points if point.model_id}
    if not model_ids:
        return
    models_by_id = {model.pk: model for model in LoggedModel.objects.filter(pk__in=model_ids)}
    for model_id in sorted(model_ids):
        if model_id not in models_by_id:
            raise NotFound(logged_model_not_found(model_id))
        if actor is not None:
            require_logged_model(actor, models_by_id[model_id], Change.EVIDENCE, Action.TRACKING_METRIC_LOGGED)


def arrays_of_all_and_latest(points: Sequence[Point]) -> list[str]:
    """Return the columns of all values and of the latest of each key as PostgreSQL writes arrays, for two UNNESTED."""
    rows = [_row(point) for point in points]
    return [*_arrays(rows), *_arrays(_latest(rows))]


def _arrays(rows: Sequence[Row]) -> list[str]:
    if not rows:
        return ["{}"] * len(_TYPES)
    columns = zip(_TYPES, zip(*rows, strict=True), strict=True)
    return [text_array(values) if kind == "text" else number_array(values) for kind, values in columns]


def _put(statement: Statement, run_id: str, rows: Sequence[Row]) -> None:
    if connection.vendor == "postgresql":
        execute(statement, [run_id, *_arrays(rows)])
        return
    with connection.cursor() as cursor:
        cursor.executemany(statement.text, [(run_id, *row) for row in rows])
