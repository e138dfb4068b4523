"""Traces of MLflow 2: one call begins a trace and another ends it; metadata and tags are lists of pairs."""

from __future__ import annotations

from core.actors import Actor
from mlflow_api.dispatch import rpc
from mlflow_api.parse import Params
from mlflow_api.render_tracking import Json
from mlflow_api.traces import render
from mlflow_api.traces.parse import chosen
from traces import queries
from traces.models import TraceState
from traces.services import infos

_STATES = {"TRACE_STATUS_UNSPECIFIED": 0, "OK": 1, "ERROR": 2, "IN_PROGRESS": 3}


def _fresh(actor: Actor, trace_id: str) -> Json:
    return {"trace_info": render.old_info(queries.get_trace(actor, trace_id))}


@rpc("POST", "traces")
def start(actor: Actor, q: Params) -> Json:
    """Begin a trace; the server makes its id."""
    trace = infos.start_trace(
        actor=actor,
        experiment_id=q.need("experiment_id"),
        timestamp_ms=q.need_integer("timestamp_ms"),
        metadata=dict(q.tags("request_metadata")),
        tags=dict(q.tags("tags")),
    )
    return _fresh(actor, trace.pk)


@rpc("PATCH", "traces/{trace_id}")
def end(actor: Actor, q: Params) -> Json:
    """End a trace. Raises InvalidInput."""
    status = chosen(q, "status", _STATES)
    trace = infos.end_trace(
        actor=actor,
        trace_id=q.need("trace_id"),
        timestamp_ms=q.need_integer("timestamp_ms"),
        state=status if status in TraceState.values else TraceState.UNSPECIFIED.value,
        metadata=dict(q.tags("request_metadata")),
        tags=dict(q.tags("tags")),
    )
    return _fresh(actor, trace.pk)


@rpc("GET", "traces/{trace_id}/info")
def get_info(actor: Actor, q: Params) -> Json:
    """Return a trace without its spans."""
    return _fresh(actor, q.need("trace_id"))
