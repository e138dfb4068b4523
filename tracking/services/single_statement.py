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
from tracking.metric_columns import VALUE_COLUMNS
from tracking.models import LatestMetric, Lifecycle, Metric, Param, Run, RunWriter
from tracking.permissions.statements import MAY_LOG, may_log_values
from tracking.provenance import DATASET_KEY
from tracking.services.metrics import KEEP_LATEST, UNNESTED, arrays_of_all_and_latest
from tracking.services.params_and_tags import as_object

_COLUMNS = listed(("run_id", *VALUE_COLUMNS))
_UNNESTED = f"SELECT changed.id, p.* FROM changed CROSS JOIN unnest({UNNESTED}) AS p"  # noqa: S608 - names
# `changed` is the run if it is active, the actor may log to it, and it has none of the params yet. A value that exists
# is an error: a thousand values take 4 ms like this, and 6 ms where the statement looks for each of them first.
_LOG = (
    f"changed AS (SELECT id, created_by FROM {table_of(Run)} "  # noqa: S608 - names of tables and columns
    f"WHERE id = %s AND lifecycle_stage = '{Lifecycle.ACTIVE.value}' AND {MAY_LOG} AND NOT EXISTS (SELECT FROM json_each_text(%s) AS j "
    f"JOIN {table_of(Param)} AS p ON p.run_id = %s AND p.key = j.key) FOR UPDATE), "
    f"writer AS (INSERT INTO {table_of(RunWriter)} ({listed(columns_of(RunWriter))}) "
    "SELECT id, %s FROM changed WHERE created_by <> %s "
    f"ON CONFLICT ({listed(unique_columns(RunWriter, 'tracking_runwriter_once'))}) DO NOTHING), "
    f"named AS (INSERT INTO {table_of(Param)} ({listed(columns_of(Param))}) SELECT id, key, value "
    "FROM changed CROSS JOIN json_each_text(%s)), "
    f"added AS (INSERT INTO {table_of(Metric)} ({_COLUMNS}) {_UNNESTED}), "
    f"new_latest AS (INSERT INTO {table_of(LatestMetric)} AS held ({_COLUMNS}) {_UNNESTED} {KEEP_LATEST})"
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
    or a value that exists, for values that name logged models, and for params that the lineage graph reads.
    """
    if not (points or params) or DATASET_KEY in params or any(point.model_id for point in points):
        return False
    if connection.in_atomic_block:
        return False  # a param or a value that exists is an error, which would end the transaction
    params_json = as_object(params)
    may_log = [run_id, *may_log_values(actor), params_json, run_id]
    values = [*may_log, actor.name, actor.name, params_json, *arrays_of_all_and_latest(points)]
    try:
        return record_with(_LOG, values, actor=actor, action=action, obj=run_ref(run_id), after=after)
    except IntegrityError:
        return False
