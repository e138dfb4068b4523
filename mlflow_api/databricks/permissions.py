"""Permissions of a model: `/api/2.0/permissions/registered-models/{id}`, with the id that databricks/…/get returns."""

from __future__ import annotations

from core.actors import Actor
from mlflow_api.databricks import render
from mlflow_api.databricks.grant_entries import read_grant
from mlflow_api.dispatch import rpc
from mlflow_api.parse import Params
from mlflow_api.render_tracking import Json
from registry.permissions import LEVEL_DESCRIPTIONS, Grant, grants_of
from registry.queries import get_model_by_id
from registry.services.permissions import set_permissions

_PATH = "registered-models/{model_id}"
_LEVELS = {name: level for level, name in render.LEVELS.items()}


@rpc("GET", _PATH, area="permissions")
def get_permissions(actor: Actor, q: Params) -> Json:
    """Databricks `permissions/registered-models/{id}` (get): return the grants of a model. Raises NotFound."""
    model = get_model_by_id(actor, q.need("model_id"))
    return render.permissions(model, grants_of(model))


@rpc("GET", f"{_PATH}/permissionLevels", area="permissions")
def get_permission_levels(actor: Actor, q: Params) -> Json:
    """Databricks `…/permissionLevels`: return the levels of models, with descriptions. Raises NotFound."""
    get_model_by_id(actor, q.need("model_id"))
    levels = [{"permission_level": name, "description": LEVEL_DESCRIPTIONS[level]} for name, level in _LEVELS.items()]
    return {"permission_levels": levels}


@rpc("PUT", _PATH, area="permissions")
def put_permissions(actor: Actor, q: Params) -> Json:
    """Databricks `permissions/registered-models/{id}` (put): replace all grants and return them.

    Raises NotFound (model, principal), Denied, InvalidInput.
    """
    return _set(actor, q, replace=True)


@rpc("PATCH", _PATH, area="permissions")
def patch_permissions(actor: Actor, q: Params) -> Json:
    """Databricks `permissions/registered-models/{id}` (patch): add or change grants and return all of them.

    Raises NotFound (model, principal), Denied, InvalidInput.
    """
    return _set(actor, q, replace=False)


def _set(actor: Actor, q: Params, *, replace: bool) -> Json:
    model = get_model_by_id(actor, q.need("model_id"))
    grants = [Grant(*read_grant(item, _LEVELS)) for item in q.items("access_control_list")]
    set_permissions(actor=actor, name=model.name, grants=grants, replace=replace)
    return render.permissions(model, grants_of(model))
