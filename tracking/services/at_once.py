"""What a run logs in one statement, for what needs no look at the database in between; PostgreSQL only.

The statement is a transaction: it locks the run, adds values and params, and inserts the event.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.db import IntegrityError, connection

from audit.actions import Action
from audit.services import record_with
from core.actors import Actor
from core.refs import run_ref
from tracking.limits import Point
from tracking.provenance import DATASET_KEY
from tracking.services.pairs import as_object
from tracking.services.points import COLUMNS, IDENTITY, LATEST, UNNESTED, arrays

# `changed` is the run where it is active and has none of the params yet.
_LOG = (
    "changed AS (SELECT id, created_by FROM tracking_run WHERE id = %s AND lifecycle_stage = 'active' AND NOT EXISTS ("  # noqa: S608 - ours
    "SELECT FROM json_each_text(%s) AS j JOIN tracking_param AS p ON p.run_id = %s AND p.key = j.key) FOR UPDATE), "
    "hand AS (INSERT INTO tracking_runwriter (run_id, name) SELECT id, %s FROM changed WHERE created_by <> %s "
    "ON CONFLICT (run_id, name) DO NOTHING), "
    "named AS (INSERT INTO tracking_param (run_id, key, value) SELECT id, key, value "
    "FROM changed CROSS JOIN json_each_text(%s)), "
    f"points AS (SELECT changed.id AS run_id, p.* FROM changed CROSS JOIN unnest({UNNESTED}) AS p ({COLUMNS.removeprefix('run_id, ')})), "
    f"added AS (INSERT INTO tracking_metric ({COLUMNS}) SELECT * FROM points ON CONFLICT ({IDENTITY}) DO NOTHING), "
    f"raised AS (INSERT INTO tracking_latestmetric AS held ({COLUMNS}) SELECT DISTINCT ON (key) * FROM points "
    f"ORDER BY key, step DESC, timestamp_ms DESC, is_nan DESC, value DESC {LATEST})"
)


def log_at_once(
    run_id: str,
    points: Sequence[Point],
    params: Mapping[str, str],
    *,
    actor: Actor,
    action: Action,
    after: Mapping[str, object],
) -> bool:
    """Add values and new params to an active run, with the event of it. False: not done; go step by step, and know why.

    Values that name logged models and params that the lineage graph reads always go step by step.
    """
    if not (points or params) or DATASET_KEY in params or any(point.model_id for point in points):
        return False
    if params and connection.in_atomic_block:
        return False  # two who log the same param at once are told apart by an error, which would end their transaction
    named = as_object(params)
    values = [run_id, named, run_id, actor.name, actor.name, named, *arrays(points)]
    try:
        return record_with(_LOG, values, actor=actor, action=action, obj=run_ref(run_id), after=after)
    except IntegrityError:
        return False
