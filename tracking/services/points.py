"""Keeping metric values: the whole history, and beside it the value of each key that counts now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db import connection

from core.errors import NotFound
from core.statements import Statement, number_array, text_array
from core.statements import run as execute
from tracking.limits import Point
from tracking.models import LoggedModel, Run

COLUMNS = "run_id, key, value, is_nan, timestamp_ms, step, model_id, dataset_name, dataset_digest"
IDENTITY = "run_id, key, step, timestamp_ms, value, is_nan, model_id"
_RANK = "{0}.step, {0}.timestamp_ms, {0}.is_nan, {0}.value"
_ARRAYS = "text[], float8[], bool[], int8[], int8[], text[], text[], text[]"
_TEXTS = frozenset({0, 5, 6, 7})
LATEST = (
    "ON CONFLICT (run_id, key) DO UPDATE SET value = excluded.value, is_nan = excluded.is_nan, "
    "timestamp_ms = excluded.timestamp_ms, step = excluded.step, model_id = excluded.model_id, "
    "dataset_name = excluded.dataset_name, dataset_digest = excluded.dataset_digest "
    f"WHERE ({_RANK.format('excluded')}) > ({_RANK.format('held')})"
)
UNNESTED = ", ".join(f"%s::{kind}" for kind in _ARRAYS.split(", "))


def _insert(table: str, ending: str) -> Statement:
    return Statement(
        f"INSERT INTO {table} ({COLUMNS}) SELECT %s, * FROM unnest({UNNESTED}) {ending}",  # noqa: S608 - constants
        f"INSERT INTO {table} ({COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) {ending}",  # noqa: S608 - constants
    )


# The same point sent twice is one point.
_ADD = _insert("tracking_metric", f"ON CONFLICT ({IDENTITY}) DO NOTHING")
_RAISE = _insert("tracking_latestmetric AS held", LATEST)
Row = tuple[str, float, bool, int, int, str, str, str]


def add_points(run: Run, points: Sequence[Point]) -> None:
    """Insert values of a locked run in two statements; a value that is there already is left alone.

    The logged models that they name must be there (`require_models`).
    """
    if not points:
        return
    rows = [_row(point) for point in points]
    _put(_ADD, run.pk, rows)
    best: dict[str, Row] = {}
    for row in rows:
        if row[0] not in best or _rank(row) > _rank(best[row[0]]):
            best[row[0]] = row
    _put(_RAISE, run.pk, list(best.values()))


def require_models(points: Iterable[Point]) -> None:
    """Raise NotFound where a value names a logged model that there is not. No query where none is named."""
    model_ids = {point.model_id for point in points if point.model_id}
    if not model_ids:
        return
    known = set(LoggedModel.objects.filter(pk__in=model_ids).values_list("pk", flat=True))
    if missing := sorted(model_ids - known):
        raise NotFound(f"Logged model with ID '{missing[0]}' not found.")


def _row(point: Point) -> Row:
    return (
        point.key,
        point.stored_value,
        point.is_nan,
        point.timestamp_ms,
        point.step,
        point.model_id,
        point.dataset_name,
        point.dataset_digest,
    )


def _rank(row: Row) -> tuple[int, int, bool, float]:
    """Return what orders the values of one key, as the statement does: step, timestamp, value; NaN after every number."""
    return (row[4], row[3], row[2], row[1])


def arrays(points: Sequence[Point]) -> list[str]:
    """Return the columns of values as PostgreSQL writes arrays, for UNNESTED."""
    return _arrays([_row(point) for point in points])


def _arrays(rows: Sequence[Row]) -> list[str]:
    if not rows:
        return ["{}"] * len(_ARRAYS.split(", "))
    return [text_array(c) if n in _TEXTS else number_array(c) for n, c in enumerate(zip(*rows, strict=True))]


def _put(statement: Statement, run_id: str, rows: Sequence[Row]) -> None:
    if connection.vendor == "postgresql":
        execute(statement, [run_id, *_arrays(rows)])
        return
    with connection.cursor() as cursor:
        cursor.executemany(statement.text, [(run_id, *row) for row in rows])
