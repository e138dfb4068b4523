"""Single-statement logging on PostgreSQL: values and params of a run and the audit event, in one round trip.

The statement is a transaction. It locks the run, inserts values and params, and inserts the event. Calls that need a
read in between, and all calls on SQLite, take the step-by-step services in `tracking.services.logging`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.db import IntegrityError, connection

from audit.actions import Action
from audit.services import record_with
from core.actors import Actor
from core.columns import columns_of, listed, table_of, unique_columns
from core.refs import run_ref
from tracking.limits import Point
from tracking.metric_columns import LATEST_ORDER, VALUE_COLUMNS
from tracking.models import LatestMetric, Lifecycle, Metric, Param, Run, RunWriter
from tracking.permissions.statements import MAY_LOG, may_log_values
from tracking.provenance import DATASET_KEY
from tracking.services.metrics import KEEP_LATEST, KEEP_POINT, UNNESTED, arrays
from tracking.services.params_and_tags import as_object

_COLUMNS = listed(("run_id", *VALUE_COLUMNS))
_LATEST_FIRST = ", ".join([*(f"{column} DESC" for column in LATEST_ORDER), "is_nan"])
# `changed` is the run if it is active, the actor may log to it, and it has none of the params yet.
_LOG = (
    f"changed AS (SELECT id, created_by FROM {table_of(Run)} "  # noqa: S608 - names of tables and columns
    f"WHERE id = %s AND lifecycle_stage = '{Lifecycle.ACTIVE.value}' AND {MAY_LOG} AND NOT EXISTS (SELECT FROM json_each_text(%s) AS j "
    f"JOIN {table_of(Param)} AS p ON p.run_id = %s AND p.key = j.key) FOR UPDATE), "
    f"writer AS (INSERT INTO {table_of(RunWriter)} ({listed(columns_of(RunWriter))}) "
    "SELECT id, %s FROM changed WHERE created_by <> %s "
    f"ON CONFLICT ({listed(unique_columns(RunWriter, 'tracking_runwriter_once'))}) DO NOTHING), "
    f"named AS (INSERT INTO {table_of(Param)} ({listed(columns_of(Param))}) SELECT id, key, value "
    "FROM changed CROSS JOIN json_each_text(%s)), "
    "points AS (SELECT changed.id AS run_id, p.* FROM changed "
    f"CROSS JOIN unnest({UNNESTED}) AS p ({listed(VALUE_COLUMNS)})), "
    f"added AS (INSERT INTO {table_of(Metric)} ({_COLUMNS}) SELECT * FROM points {KEEP_POINT}), "
    f"new_latest AS (INSERT INTO {table_of(LatestMetric)} AS held ({_COLUMNS}) SELECT DISTINCT ON (key) * FROM points "
    f"ORDER BY key, {_LATEST_FIRST} {KEEP_LATEST})"
)


def log_in_one_statement(
    run_id: str,
    points: Sequence[Point],
    params: Mapping[str, str],
    *,
    actor: Actor,
    action: Action,
    after: Mapping[str, object],
) -> bool:
    """Add values and new params to an active run, and record the event; return whether that was done.

    False means that nothing changed, and that the caller must log step by step, which reports the error if there is
    one. That is so on SQLite, for a run that is not active or that the actor may not change by MAY_LOG, for a param
    that exists, for values that name logged models, and for params that the lineage graph reads.
    """
    if not (points or params) or DATASET_KEY in params or any(point.model_id for point in points):
        return False
    if params and connection.in_atomic_block:
        return False  # two callers who log the same param conflict with an error, which would end the transaction
    params_json = as_object(params)
    values = [run_id, *may_log_values(actor), params_json, run_id, actor.name, actor.name, params_json, *arrays(points)]
    try:
        return record_with(_LOG, values, actor=actor, action=action, obj=run_ref(run_id), after=after)
    except IntegrityError:
        return False
