"""Searching traces, for clients of MLflow 3 and 2."""

from __future__ import annotations

from core.actors import Actor
from core.errors import InvalidInput
from mlflow_api.dispatch import rpc
from mlflow_api.parse import Params
from mlflow_api.render_tracking import Json, filled
from mlflow_api.traces import render
from mlflow_api.traces.parse import experiment_of
from traces.models import Trace
from traces.search.traces import search_traces


@rpc("POST", "traces/search", version="3.0", write=False)
def search(actor: Actor, q: Params) -> Json:
    """Return one page of traces without their spans. Raises InvalidInput."""
    if not q.has("locations"):
        raise InvalidInput("Missing value for required parameter 'locations'.")
    traces, token = _page(actor, q, [experiment_of(location) for location in q.items("locations")])
    return filled(traces=[render.info(trace) for trace in traces], next_page_token=token or None)


@rpc("GET", "traces")
def search_old(actor: Actor, q: Params) -> Json:
    """Return one page of traces in the format of MLflow 2. Raises InvalidInput."""
    if not q.has("experiment_ids"):
        raise InvalidInput("Missing value for required parameter 'experiment_ids'.")
    traces, token = _page(actor, q, q.texts("experiment_ids"))
    return filled(traces=[render.old_info(trace) for trace in traces], next_page_token=token or None)


def _page(actor: Actor, q: Params, experiment_ids: list[str]) -> tuple[list[Trace], str]:
    return search_traces(
        actor=actor,
        experiment_ids=experiment_ids,
        filter_string=q.text("filter"),
        order_by=q.texts("order_by"),
        max_results=q.integer("max_results"),
        page_token=q.text("page_token"),
    )
