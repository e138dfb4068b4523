"""MLflow `model-versions/…`. Stages change through transition requests, as in every other API."""

from __future__ import annotations

from collections.abc import Sequence

from approvals.requests.transition import request_transition
from core.actors import Actor
from mlflow_api import render_registry as render
from mlflow_api.dispatch import rpc
from mlflow_api.long_lists import LongList
from mlflow_api.parse import Params
from mlflow_api.registered_models import version_number
from mlflow_api.render_tracking import Json, filled
from registry import queries
from registry.production.lookups import shown_versions
from registry.search import search_version_ids
from registry.services import versions
from registry.sources import download_uri
from registry.stages import parse_stage


def _fresh(actor: Actor, name: str, version: int) -> Json:
    return {"model_version": render.model_version(queries.get_version(actor, name, version))}


@rpc("POST", "model-versions/create")
def create_model_version(actor: Actor, q: Params) -> Json:
    """MLflow `model-versions/create`: register the next version of a model and return it.

    Raises NotFound (model, run, logged model), InvalidInput, Denied, Conflict (artifacts sealed with other bytes).
    """
    version = versions.create_version(
        actor=actor,
        name=q.need("name"),
        source=q.need("source"),
        run_id=q.text("run_id"),
        tags=q.tags("tags"),
        run_link=q.text("run_link"),
        description=q.text("description"),
        model_id=q.text("model_id"),
    )
    return _fresh(actor, version.model.name, version.version)


@rpc("GET", "model-versions/get")
def get_model_version(actor: Actor, q: Params) -> Json:
    """MLflow `model-versions/get`: return a version. Raises NotFound, InvalidInput (no integer)."""
    return _fresh(actor, q.need("name"), version_number(q))


@rpc("GET", "model-versions/search")
def search_model_versions(actor: Actor, q: Params) -> LongList:
    """MLflow `model-versions/search`: return one page of versions and the token of the next page.

    Raises InvalidInput (filter, order, page size or token).
    """
    ids, token = search_version_ids(
        actor=actor,
        filter_string=q.text("filter"),
        order_by=q.texts("order_by"),
        max_results=q.integer("max_results"),
        page_token=q.text("page_token"),
    )
    return LongList("model_versions", ids, _rendered_versions, filled(next_page_token=token or None))


def _rendered_versions(version_ids: Sequence[int]) -> list[Json]:
    return [render.shown_version(version) for version in shown_versions(version_ids)]


@rpc("PATCH", "model-versions/update")
def update_model_version(actor: Actor, q: Params) -> Json:
    """MLflow `model-versions/update`: replace the description and return the version.

    Without a description nothing changes. Raises NotFound, Denied, InvalidInput.
    """
    name, version = q.need("name"), version_number(q)
    if q.has("description"):
        versions.update_version(actor=actor, name=name, version=version, description=q.text("description"))
    return _fresh(actor, name, version)


@rpc("POST", "model-versions/transition-stage")
def transition_model_version_stage(actor: Actor, q: Params) -> Json:
    """MLflow `model-versions/transition-stage`: move a version to a stage and return it.

    Raises NotFound, Denied, InvalidInput, Conflict, GateRefused (a policy applies and approvals or checks are missing).
    """
    name, version, stage = q.need("name"), version_number(q), parse_stage(q.need("stage"))
    request_transition(
        actor=actor,
        name=name,
        version=version,
        target=stage,
        archive_existing=q.boolean("archive_existing_versions"),
        base_url=q.base_url,
    )
    return _fresh(actor, name, version)


@rpc("DELETE", "model-versions/delete")
def delete_model_version(actor: Actor, q: Params) -> Json:
    """MLflow `model-versions/delete`: delete a version and its aliases.

    Raises NotFound, Denied, InvalidInput, Conflict (it is in Production or deployed, or has a protected alias).
    """
    versions.delete_version(actor=actor, name=q.need("name"), version=version_number(q))
    return {}


@rpc("GET", "model-versions/get-download-uri")
def get_model_version_download_uri(actor: Actor, q: Params) -> Json:
    """MLflow `model-versions/get-download-uri`: return the URI of a version's artifacts.

    Raises NotFound, InvalidInput (no integer).
    """
    return {"artifact_uri": download_uri(queries.get_version(actor, q.need("name"), version_number(q)))}


@rpc("POST", "model-versions/set-tag")
def set_model_version_tag(actor: Actor, q: Params) -> Json:
    """MLflow `model-versions/set-tag`: set a tag of a version. Raises NotFound, Denied, InvalidInput."""
    versions.set_version_tag(
        actor=actor, name=q.need("name"), version=version_number(q), key=q.need("key"), value=q.text("value")
    )
    return {}


@rpc("DELETE", "model-versions/delete-tag")
def delete_model_version_tag(actor: Actor, q: Params) -> Json:
    """MLflow `model-versions/delete-tag`: delete a tag of a version; a missing tag is no error.

    Raises NotFound (version), Denied, InvalidInput.
    """
    versions.delete_version_tag(actor=actor, name=q.need("name"), version=version_number(q), key=q.need("key"))
    return {}
