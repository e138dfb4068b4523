"""Keeping metric values: the whole history, and beside it the value of each key that counts now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from django.db import connection

from audit.actions import Action
from audit.actors import Actor
from audit.errors import NotFound
from audit.refs import run_ref
from audit.services import record_with
from audit.statements import Statement, number_array, text_array
from audit.statements import run as execute
from tracking.limits import Point
from tracking.models import LoggedModel, Run

_COLUMNS = "run_id, key, value, is_nan, timestamp_ms, step, model_id, dataset_name, dataset_digest"
_IDENTITY = "run_id, key, step, timestamp_ms, value, is_nan, model_id"
_RANK = "{0}.step, {0}.timestamp_ms, {0}.is_nan, {0}.value"
_ARRAYS = "text[], float8[], bool[], int8[], int8[], text[], text[], text[]"
_TEXTS = frozenset({0, 5, 6, 7})
_LATEST = (
    "ON CONFLICT (run_id, key) DO UPDATE SET value = excluded.value, is_nan = excluded.is_nan, "
    "timestamp_ms = excluded.timestamp_ms, step = excluded.step, model_id = excluded.model_id, "
    "dataset_name = excluded.dataset_name, dataset_digest = excluded.dataset_digest "
    f"WHERE ({_RANK.format('excluded')}) > ({_RANK.format('held')})"
)


_UNNESTED = ", ".join(f"%s::{kind}" for kind in _ARRAYS.split(", "))


def _insert(table: str, ending: str) -> Statement:
    return Statement(
        f"INSERT INTO {table} ({_COLUMNS}) SELECT %s, * FROM unnest({_UNNESTED}) {ending}",  # noqa: S608 - constants
        f"INSERT INTO {table} ({_COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) {ending}",  # noqa: S608 - constants
    )


# The same point sent twice is one point.
_ADD = _insert("tracking_metric", f"ON CONFLICT ({_IDENTITY}) DO NOTHING")
_RAISE = _insert("tracking_latestmetric AS held", _LATEST)
# All of it for a run that is active, and its lock, as parts of one statement.
_AT_ONCE = (
    "changed AS (SELECT id FROM tracking_run WHERE id = %s AND lifecycle_stage = 'active' FOR UPDATE), "  # noqa: S608 - ours
    f"points AS (SELECT * FROM changed CROSS JOIN unnest({_UNNESTED}) AS p ({_COLUMNS.removeprefix('run_id, ')})), "
    f"added AS (INSERT INTO tracking_metric ({_COLUMNS}) SELECT * FROM points ON CONFLICT ({_IDENTITY}) DO NOTHING), "
    f"raised AS (INSERT INTO tracking_latestmetric AS held ({_COLUMNS}) SELECT DISTINCT ON (key) * FROM points "
    f"ORDER BY key, step DESC, timestamp_ms DESC, is_nan DESC, value DESC {_LATEST})"
)
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


def add_points_at_once(
    run_id: str, points: Sequence[Point], *, actor: Actor, action: Action, after: Mapping[str, object]
) -> bool:
    """Add values to an active run, with the event of it, in one statement. False: not done; go step by step, and know why.

    Values that name logged models always go step by step.
    """
    if not points or any(point.model_id for point in points):
        return False
    values = [run_id, *_arrays([_row(point) for point in points])]
    return record_with(_AT_ONCE, values, actor=actor, action=action, obj=run_ref(run_id), after=after)


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


def _arrays(rows: Sequence[Row]) -> list[str]:
    """Return the columns of rows as PostgreSQL writes arrays."""
    return [text_array(c) if n in _TEXTS else number_array(c) for n, c in enumerate(zip(*rows, strict=True))]


def _put(statement: Statement, run_id: str, rows: Sequence[Row]) -> None:
    if connection.vendor == "postgresql":
        execute(statement, [run_id, *_arrays(rows)])
        return
    with connection.cursor() as cursor:
        cursor.executemany(statement.text, [(run_id, *row) for row in rows])
