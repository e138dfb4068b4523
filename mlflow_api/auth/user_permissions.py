"""MLflow auth since 3.13: `users/permissions/…`, grants by kind and id of the resource."""

from __future__ import annotations

from accounts.administration import find_account
from accounts.authentication import actor_from_user
from core.actors import Actor
from core.errors import AlreadyExists, InvalidInput, NotFound
from mlflow_api.auth.grants import Managed, managed_experiment, managed_model
from mlflow_api.auth.levels import (
    EXPERIMENT_LEVELS,
    NO_PERMISSIONS,
    account_of,
    experiment_level_name,
    level_name,
    model_level_name,
)
from mlflow_api.dispatch import rpc
from mlflow_api.parse import Params
from mlflow_api.render_tracking import Json
from registry.permissions import default_level as default_model_level
from registry.permissions import level_of, visible_models
from tracking.permissions.grants import Grant
from tracking.permissions.levels import default_level, level_on, visible_experiments
from tracking.queries import experiment_number
from tracking.services.grants import revoke_pattern_grant, set_pattern_grant

_EXPERIMENT, _MODEL, _ALL = "experiment", "registered_model", "*"
_KINDS = (_EXPERIMENT, _MODEL)


def _kind(q: Params) -> str:
    """Return the kind of object that a grant is on.

    Raises InvalidInput, with the reason, for kinds that have no levels of their own here.
    """
    kind = q.need("resource_type")
    if kind in _KINDS:
        return kind
    raise InvalidInput(
        f"Permissions are granted on {' and '.join(_KINDS)} here, not on '{kind[:50]}': runs, logged models, traces and files "
        "have their experiment's level, versions and prompts their model's; scorers and the gateway are not served."
    )


def _managed(actor: Actor, kind: str, resource_id: str) -> Managed:
    return managed_experiment(actor, resource_id) if kind == _EXPERIMENT else managed_model(actor, resource_id)


@rpc("POST", "users/permissions/grant", version="3.0")
def grant_user_permission(actor: Actor, q: Params) -> Json:
    """MLflow auth `users/permissions/grant`: grant a user a level. `*` means every experiment, for superusers.

    Raises NotFound (resource, user), Denied, AlreadyExists (they have a grant, at whatever level), InvalidInput.
    """
    kind, resource_id = _kind(q), q.need("resource_id")
    if resource_id == _ALL:
        _grant_everywhere(actor, q, kind)
        return {}
    managed = _managed(actor, kind, resource_id)
    user, principal = account_of(q.need("username"))
    level = level_name(q.need("permission"))
    if managed.level(user, principal):
        raise AlreadyExists(f"{user.username} has a permission here already. Revoke it first.")
    managed.grant(actor, user, principal, level)
    return {}


def _grant_everywhere(actor: Actor, q: Params, kind: str) -> None:
    if kind != _EXPERIMENT:
        raise InvalidInput("A level on every model is CUSTODY_DEFAULT_LEVEL, which the operator sets. Name one model.")
    user, principal = account_of(q.need("username"))
    level = EXPERIMENT_LEVELS[level_name(q.need("permission"))]
    set_pattern_grant(actor=actor, grant=Grant(principal, user.username, level, _ALL))


@rpc("POST", "users/permissions/revoke", version="3.0")
def revoke_user_permission(actor: Actor, q: Params) -> Json:
    """MLflow auth `users/permissions/revoke`: revoke a grant. Raises NotFound, Denied, InvalidInput (the kind)."""
    kind, resource_id = _kind(q), q.need("resource_id")
    if resource_id == _ALL and kind == _EXPERIMENT:
        user, principal = account_of(q.need("username"))
        revoke_pattern_grant(actor=actor, pattern=_ALL, kind=principal, principal=user.username)
        return {}
    managed = _managed(actor, kind, resource_id)
    user, principal = account_of(q.need("username"))
    if not managed.level(user, principal):
        raise NotFound(f"{user.username} was granted no permission here.")
    managed.revoke(actor, user, principal)
    return {}


@rpc("GET", "users/permissions/get", version="3.0")
def get_user_permission(actor: Actor, q: Params) -> Json:
    """MLflow auth `users/permissions/get`: return what a user may do with a resource, by any grant.

    Only superusers may ask for another user. For a resource that does not exist, or that the user may not see, the
    default level is returned. Raises NotFound (user), Denied, InvalidInput (the kind).
    """
    kind, resource_id = _kind(q), q.need("resource_id")
    user = find_account(actor, q.need("username"))
    as_user = actor_from_user(user, auth="token", request_id=actor.request_id)
    level = _experiment_level(as_user, resource_id) if kind == _EXPERIMENT else _model_level(as_user, resource_id)
    return {"allowed": level != NO_PERMISSIONS, "permission": level}


def _experiment_level(actor: Actor, experiment_id: str) -> str:
    number = experiment_number(experiment_id)
    is_visible = visible_experiments(actor).filter(pk=number).exists()
    return experiment_level_name(level_on(actor, number) if is_visible else default_level())


def _model_level(actor: Actor, name: str) -> str:
    model = visible_models(actor).filter(name=name).first()
    return model_level_name(level_of(actor, model) if model is not None else default_model_level())
