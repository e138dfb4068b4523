"""Databricks' own calls on models and versions. Responses use two keys, because client versions differ."""

from __future__ import annotations

from approvals.requests.transition import request_transition
from core.actors import Actor
from mlflow_api import render_registry
from mlflow_api.databricks import render
from mlflow_api.dispatch import rpc
from mlflow_api.parse import Params
from mlflow_api.registered_models import version_number
from mlflow_api.render_tracking import Json, filled
from registry import queries
from registry.search import search_models
from registry.stages import parse_stage


@rpc("GET", "databricks/registered-models/get")
def get_databricks_model(actor: Actor, q: Params) -> Json:
    """Databricks `databricks/registered-models/get`: return a model, its id and the actor's level. Raises NotFound."""
    body = render.registered_model(actor, queries.get_model(actor, q.need("name")))
    return {"registered_model_databricks": body, "registered_model": body}


@rpc("GET", "registered-models/list")
def list_registered_models(actor: Actor, q: Params) -> Json:
    """Databricks `registered-models/list`: return one page of models and the token of the next page.

    Raises InvalidInput (page size or token).
    """
    models, token = search_models(
        actor=actor,
        filter_string="",
        order_by=[],
        max_results=q.integer("max_results"),
        page_token=q.text("page_token"),
    )
    return filled(registered_models=render_registry.registered_models(models), next_page_token=token or None)


@rpc("POST", "databricks/model-versions/transition-stage")
def transition_databricks_stage(actor: Actor, q: Params) -> Json:
    """Databricks `databricks/model-versions/transition-stage`: move a version to a stage and return it.

    Raises NotFound, Denied, InvalidInput, Conflict, GateRefused (a policy applies and approvals or checks are missing).
    """
    name, version = q.need("name"), version_number(q)
    request_transition(
        actor=actor,
        name=name,
        version=version,
        target=parse_stage(q.need("stage")),
        archive_existing=q.boolean("archive_existing_versions"),
        comment=q.text("comment"),
        base_url=q.base_url,
    )
    body = render.model_version(actor, queries.get_version(actor, name, version), q.base_url)
    return {"model_version_databricks": body, "model_version": body}
