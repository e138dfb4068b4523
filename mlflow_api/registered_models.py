"""MLflow `registered-models/…`. A protected alias moves through a transition request, as a stage does."""

from __future__ import annotations

import re

from approvals.requests.alias import request_alias, request_alias_removal
from core.actors import Actor
from core.errors import InvalidInput, NotFound
from mlflow_api import render_registry as render
from mlflow_api.dispatch import rpc
from mlflow_api.parse import Params
from mlflow_api.render_tracking import Json, filled
from registry import queries
from registry.names import LATEST
from registry.search import search_models
from registry.services import models
from registry.stages import parse_stage

_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")


def version_number(q: Params) -> int:
    """Return the field `version`: the protocol sends a number as text. Raises InvalidInput."""
    text = q.need("version")
    if not _INTEGER.fullmatch(text):
        raise InvalidInput(f"Parameter 'version' must be an integer, got '{text[:100]}'.")
    return int(text)


def _fresh(actor: Actor, name: str) -> Json:
    return {"registered_model": render.registered_model(queries.get_model(actor, name))}


@rpc("POST", "registered-models/create")
def create_registered_model(actor: Actor, q: Params) -> Json:
    """MLflow `registered-models/create`: return the new registered model.

    Raises AlreadyExists, InvalidInput (name, description, tags), NotAuthenticated.
    """
    model = models.create_model(
        actor=actor, name=q.need("name"), description=q.text("description"), tags=q.tags("tags")
    )
    return _fresh(actor, model.name)


@rpc("GET", "registered-models/get")
def get_registered_model(actor: Actor, q: Params) -> Json:
    """MLflow `registered-models/get`: return a registered model. Raises NotFound."""
    return _fresh(actor, q.need("name"))


@rpc("GET", "registered-models/search")
def search_registered_models(actor: Actor, q: Params) -> Json:
    """MLflow `registered-models/search`: return one page of registered models and the token of the next page.

    Raises InvalidInput (filter, order, page size or token).
    """
    models, token = search_models(
        actor=actor,
        filter_string=q.text("filter"),
        order_by=q.texts("order_by"),
        max_results=q.integer("max_results"),
        page_token=q.text("page_token"),
    )
    return filled(registered_models=render.registered_models(models), next_page_token=token or None)


@rpc("POST", "registered-models/rename")
def rename_registered_model(actor: Actor, q: Params) -> Json:
    """MLflow `registered-models/rename`: rename a registered model and return it.

    Raises NotFound, Denied, InvalidInput, AlreadyExists, Conflict (other policies would apply under the new name).
    """
    model = models.rename_model(actor=actor, name=q.need("name"), new_name=q.need("new_name"))
    return _fresh(actor, model.name)


@rpc("PATCH", "registered-models/update")
def update_registered_model(actor: Actor, q: Params) -> Json:
    """MLflow `registered-models/update`: replace the description and return the registered model.

    Without a description nothing changes. Raises NotFound, Denied, InvalidInput.
    """
    name = q.need("name")
    if q.has("description"):
        models.update_model(actor=actor, name=name, description=q.text("description"))
    return _fresh(actor, name)


@rpc("DELETE", "registered-models/delete")
def delete_registered_model(actor: Actor, q: Params) -> Json:
    """MLflow `registered-models/delete`: delete a registered model with its versions.

    Raises NotFound, Denied, Conflict (it is in Production or deployed, or has a protected alias).
    """
    models.delete_model(actor=actor, name=q.need("name"))
    return {}


@rpc("GET", "registered-models/get-latest-versions")
@rpc("POST", "registered-models/get-latest-versions", write=False)
def get_latest_versions(actor: Actor, q: Params) -> Json:
    """MLflow `registered-models/get-latest-versions`: return the latest version of each stage.

    In Production that is the current version. Raises NotFound, InvalidInput (no such stage).
    """
    stages = [parse_stage(stage) for stage in q.texts("stages")]
    model = queries.get_model(actor, q.need("name"))
    return filled(model_versions=render.model_versions(queries.latest_versions(model, stages)))


@rpc("POST", "registered-models/set-tag")
def set_registered_model_tag(actor: Actor, q: Params) -> Json:
    """MLflow `registered-models/set-tag`: set a tag of a registered model. Raises NotFound, Denied, InvalidInput."""
    models.set_model_tag(actor=actor, name=q.need("name"), key=q.need("key"), value=q.text("value"))
    return {}


@rpc("DELETE", "registered-models/delete-tag")
def delete_registered_model_tag(actor: Actor, q: Params) -> Json:
    """MLflow `registered-models/delete-tag`: delete a tag; a missing tag is no error.

    Raises NotFound (model), Denied.
    """
    models.delete_model_tag(actor=actor, name=q.need("name"), key=q.need("key"))
    return {}


@rpc("POST", "registered-models/alias")
def set_registered_model_alias(actor: Actor, q: Params) -> Json:
    """MLflow `registered-models/alias` (set): point an alias at a version.

    Raises NotFound, Denied, InvalidInput, Conflict, GateRefused (the alias is protected and approvals are missing).
    """
    request_alias(
        actor=actor, name=q.need("name"), alias=q.need("alias"), version=version_number(q), base_url=q.base_url
    )
    return {}


@rpc("DELETE", "registered-models/alias")
def delete_registered_model_alias(actor: Actor, q: Params) -> Json:
    """MLflow `registered-models/alias` (delete): delete an alias; a missing alias is no error.

    Raises NotFound (model), Denied, GateRefused (a policy applies to leaving a protected alias).
    """
    request_alias_removal(actor=actor, name=q.need("name"), alias=q.need("alias"), base_url=q.base_url)
    return {}


@rpc("GET", "registered-models/alias")
def get_model_version_by_alias(actor: Actor, q: Params) -> Json:
    """MLflow `registered-models/alias` (get): return the version that an alias points to.

    Raises NotFound (no such model), InvalidInput (no such alias).
    """
    name, alias = q.need("name"), q.need("alias")
    queries.get_model(actor, name)
    try:
        version = queries.version_by_alias(actor, name, alias)
    except NotFound as error:
        if alias.lower() == LATEST:
            raise
        # MLflow's server answers a missing alias with INVALID_PARAMETER_VALUE, and only a missing model or version with
        # RESOURCE_DOES_NOT_EXIST
        raise InvalidInput(error.message) from error
    return {"model_version": render.model_version(version)}
