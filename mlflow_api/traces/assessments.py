"""Assessments of traces: create, read, update, delete. MLflow 2.22 calls them at version 2.0."""

from __future__ import annotations

from core.actors import Actor
from core.errors import InvalidInput
from mlflow_api.dispatch import rpc
from mlflow_api.parse import Params
from mlflow_api.render_tracking import Json
from mlflow_api.traces import render
from mlflow_api.traces.parse import assessment, assessment_change
from traces.services import assessments

_ALL = "traces/{trace_id}/assessments"
_ONE = _ALL + "/{assessment_id}"


@rpc("POST", _ALL)
@rpc("POST", _ALL, version="3.0")
def create(actor: Actor, q: Params) -> Json:
    """Add feedback or an expectation to a trace. Raises InvalidInput."""
    if not q.has("assessment"):
        q.need("assessment")
    body = q.message("assessment")
    if body.text("trace_id") not in {"", q.need("trace_id")}:
        raise InvalidInput("The assessment names another trace than the address does.")
    row = assessments.create_assessment(actor=actor, trace_id=q.need("trace_id"), data=assessment(body))
    return {"assessment": render.assessment(row)}


@rpc("GET", _ONE)
@rpc("GET", _ONE, version="3.0")
def read(actor: Actor, q: Params) -> Json:
    """Return an assessment."""
    return {
        "assessment": render.assessment(assessments.get_assessment(actor, q.need("trace_id"), q.need("assessment_id")))
    }


@rpc("PATCH", _ONE)
@rpc("PATCH", _ONE, version="3.0")
def update(actor: Actor, q: Params) -> Json:
    """Change the fields of an assessment that `update_mask` names. Raises InvalidInput."""
    row = assessments.update_assessment(
        actor=actor,
        trace_id=q.need("trace_id"),
        assessment_id=q.need("assessment_id"),
        change=assessment_change(q),
    )
    return {"assessment": render.assessment(row)}


@rpc("DELETE", _ONE)
@rpc("DELETE", _ONE, version="3.0")
def delete(actor: Actor, q: Params) -> Json:
    """Delete an assessment; one that is not there is no error."""
    assessments.delete_assessment(actor=actor, trace_id=q.need("trace_id"), assessment_id=q.need("assessment_id"))
    return {}
