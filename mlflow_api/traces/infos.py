"""Traces of MLflow 3: store one, read one, read many."""

from __future__ import annotations

from core.actors import Actor
from core.errors import InvalidInput, NotFound
from mlflow_api.dispatch import rpc
from mlflow_api.parse import Params
from mlflow_api.render_tracking import Json, filled
from mlflow_api.traces import render
from mlflow_api.traces.parse import trace_info
from traces import queries
from traces.limits import check_count
from traces.models import Trace
from traces.services.infos import record_info

_TOO_MANY = "At most {limit} traces can be read at once. Got {count}."


@rpc("POST", "traces", version="3.0")
def start_trace(actor: Actor, q: Params) -> Json:
    """Store a trace. Clients call this when the trace has ended, although the call is named "start".

    Raises InvalidInput.
    """
    if not q.has("trace"):
        q.need("trace")
    trace = record_info(actor=actor, info=trace_info(q.message("trace").message("trace_info")))
    return {"trace": {"trace_info": render.info(queries.get_trace(actor, trace.pk))}}


@rpc("GET", "traces/{trace_id}")
@rpc("GET", "traces/{trace_id}", version="3.0")
def get_trace_info(actor: Actor, q: Params) -> Json:
    """Return a trace without its spans. MLflow 2.22 asks at version 2.0 for its assessments."""
    return {"trace": {"trace_info": render.info(queries.get_trace(actor, q.need("trace_id")))}}


@rpc("GET", "traces/get", version="3.0")
def get_trace(actor: Actor, q: Params) -> Json:
    """Return a trace with its spans. With `allow_partial` a trace is returned before all of its spans have arrived.

    Raises InvalidInput, NotFound (no such trace, or spans are missing).
    """
    trace = queries.get_trace(actor, q.need("trace_id"))
    if not _allows_partial(q) and not queries.is_fully_exported(trace):
        raise NotFound(f"Trace with ID {trace.pk} is not fully exported yet, please try again later.")
    return {"trace": render.whole(trace, queries.spans_of([trace.pk])[trace.pk])}


def _allows_partial(q: Params) -> bool:
    """Return the flag `allow_partial` of the query string, in any case: Python clients send True and False.

    Raises InvalidInput.
    """
    text = q.text("allow_partial", "false").lower()
    if text not in {"true", "false"}:
        raise InvalidInput("Invalid value for parameter 'allow_partial': it must be true or false.")
    return text == "true"


@rpc("GET", "traces/batchGet", version="3.0")
def batch_get(actor: Actor, q: Params) -> Json:
    """Return traces with their spans; ids of no trace are left out. Raises InvalidInput, TooLarge."""
    traces = _requested_traces(actor, q)
    spans = queries.spans_of([trace.pk for trace in traces])
    return filled(traces=[render.whole(trace, spans[trace.pk]) for trace in traces])


@rpc("POST", "traces/batchGetInfos", version="3.0", write=False)
def batch_get_infos(actor: Actor, q: Params) -> Json:
    """Return traces without their spans; ids of no trace are left out. Raises InvalidInput, TooLarge."""
    return filled(trace_infos=[render.info(trace) for trace in _requested_traces(actor, q)])


def _requested_traces(actor: Actor, q: Params) -> list[Trace]:
    """Return the traces of `trace_ids`; where `experiment_ids` is given, only those of these experiments.

    Raises InvalidInput (no ids), TooLarge.
    """
    ids = q.texts("trace_ids")
    if not ids:
        raise InvalidInput("Missing value for required parameter 'trace_ids'.")
    check_count(ids, queries.MAX_BATCH, _TOO_MANY)
    experiment_ids = q.texts("experiment_ids")
    return [
        trace
        for trace in queries.traces_by_id(actor, ids)
        if not q.has("experiment_ids") or str(trace.experiment_id) in experiment_ids
    ]
