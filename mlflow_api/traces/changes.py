"""Changes to existing traces: tags, links to runs and prompts, deletion. Some routes exist in both API versions."""

from __future__ import annotations

from core.actors import Actor
from core.errors import InvalidInput
from mlflow_api.dispatch import rpc
from mlflow_api.parse import Params
from mlflow_api.render_tracking import Json
from traces.services.deletion import delete_traces
from traces.services.links import link_prompts, link_traces_to_run
from traces.services.tags import delete_trace_tag, set_trace_tag


@rpc("PATCH", "traces/{trace_id}/tags")
@rpc("PATCH", "traces/{trace_id}/tags", version="3.0")
def set_tag(actor: Actor, q: Params) -> Json:
    """Set a tag of a trace."""
    set_trace_tag(actor=actor, trace_id=q.need("trace_id"), key=q.need("key"), value=q.text("value"))
    return {}


@rpc("DELETE", "traces/{trace_id}/tags")
@rpc("DELETE", "traces/{trace_id}/tags", version="3.0")
def delete_tag(actor: Actor, q: Params) -> Json:
    """Delete a tag of a trace. Raises NotFound."""
    delete_trace_tag(actor=actor, trace_id=q.need("trace_id"), key=q.need("key"))
    return {}


@rpc("POST", "traces/delete-traces")
@rpc("POST", "traces/delete-traces", version="3.0")
def delete(actor: Actor, q: Params) -> Json:
    """Delete traces by id, or up to a time."""
    count = delete_traces(
        actor=actor,
        experiment_id=q.need("experiment_id"),
        trace_ids=q.texts("request_ids"),
        max_timestamp_ms=q.integer("max_timestamp_millis"),
        max_traces=q.integer("max_traces"),
    )
    return {"traces_deleted": count}


@rpc("POST", "traces/link-to-run")
def link_to_run(actor: Actor, q: Params) -> Json:
    """Link traces to a run."""
    link_traces_to_run(actor=actor, run_id=q.need("run_id"), trace_ids=q.need_texts("trace_ids"))
    return {}


@rpc("POST", "traces/link-prompts")
def link_prompt_versions(actor: Actor, q: Params) -> Json:
    """Store the versions of prompts that a trace used. Raises InvalidInput."""
    prompts = [(item.need("name"), _version(item)) for item in q.need_items("prompt_versions")]
    link_prompts(actor=actor, trace_id=q.need("trace_id"), prompts=prompts)
    return {}


def _version(q: Params) -> int:
    number = q.need_integer("version")
    if number < 1:
        raise InvalidInput(f"Invalid value {number} for parameter 'version': versions of prompts count from 1.")
    return number
