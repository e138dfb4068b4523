"""MLflow auth `users/…`: accounts. Deleting an account deactivates it here, so nobody else can get its name."""

from __future__ import annotations

from accounts.administration import (
    deactivate_user,
    find_account,
    require_administrator,
    set_password,
    set_superuser,
)
from accounts.authentication import require_scope
from accounts.models import User
from accounts.services import create_user as create_account
from audit.actions import Action
from core.actors import Actor, Scope
from core.errors import InvalidInput
from mlflow_api.dispatch import rpc
from mlflow_api.parse import Params
from mlflow_api.render_tracking import Json

_MOST = 10_000


def _user_json(user: User) -> Json:
    """Return an account; older clients need the three lists, empty or not."""
    return {
        "id": user.pk,
        "username": user.username,
        "is_admin": user.is_superuser,
        "roles": [],
        "experiment_permissions": [],
        "registered_model_permissions": [],
        "scorer_permissions": [],
    }


@rpc("POST", "users/create")
def create_user(actor: Actor, q: Params) -> Json:
    """MLflow auth `users/create`: create a person and return the account. Superusers only.

    Raises Denied, AlreadyExists, InvalidInput (name, password).
    """
    username = q.need("username")
    _require_rights(actor, Action.ACCOUNT_USER_CREATED, username)
    return {"user": _user_json(create_account(actor=actor, username=username, password=q.need("password")))}


@rpc("GET", "users/get")
def get_user(actor: Actor, q: Params) -> Json:
    """MLflow auth `users/get`: return an account. Only superusers may read the account of another person.

    Raises Denied, NotFound.
    """
    return {"user": _user_json(find_account(actor, q.need("username")))}


@rpc("GET", "users/current")
def get_current_user(actor: Actor, q: Params) -> Json:  # noqa: ARG001 - every handler gets the request
    """MLflow auth `users/current`: return the caller's account. Raises NotFound."""
    return {"user": _user_json(find_account(actor, actor.name))}


@rpc("GET", "users/list")
def list_users(actor: Actor, q: Params) -> Json:  # noqa: ARG001 - every handler gets the request
    """MLflow auth `users/list`: return the active accounts, by name. Only superusers see other accounts than theirs."""
    rows = User.objects.filter(is_active=True).order_by("username")
    visible = rows if actor.is_superuser else rows.filter(username=actor.name)
    return {"users": [_user_json(user) for user in visible[:_MOST]]}


@rpc("PATCH", "users/update-password")
def update_password(actor: Actor, q: Params) -> Json:
    """MLflow auth `users/update-password`: set a password. The caller's own needs `current_password`.

    Raises Denied, NotFound, InvalidInput.
    """
    username, current = q.need("username"), q.text("current_password")
    if username == actor.name and not current:
        raise InvalidInput(
            "Missing value for required parameter 'current_password': it is needed to change your own password."
        )
    if username != actor.name:
        _require_rights(actor, Action.ACCOUNT_USER_CHANGED, username)
    set_password(actor=actor, username=username, password=q.need("password"), current=current)
    return {}


@rpc("PATCH", "users/update-admin")
def update_admin(actor: Actor, q: Params) -> Json:
    """MLflow auth `users/update-admin`: grant or revoke superuser rights. Superusers only.

    Raises Denied, NotFound, InvalidInput, Conflict (the caller's own account).
    """
    username = q.need("username")
    _require_rights(actor, Action.ACCOUNT_USER_CHANGED, username)
    if not q.has("is_admin"):
        q.need("is_admin")
    set_superuser(actor=actor, username=username, is_superuser=q.boolean("is_admin", default=False))
    return {}


@rpc("DELETE", "users/delete")
def delete_user(actor: Actor, q: Params) -> Json:
    """MLflow auth `users/delete`: deactivate an account and revoke its tokens. Superusers only.

    Raises Denied, NotFound, Conflict (the caller's own account).
    """
    username = q.need("username")
    _require_rights(actor, Action.ACCOUNT_USER_CHANGED, username)
    deactivate_user(actor=actor, username=username)
    return {}


def _require_rights(actor: Actor, action: Action, username: str) -> None:
    require_administrator(actor, action, username)
    require_scope(actor, Scope.ACCOUNTS_MANAGE, action=action, obj=f"user:{username[:150]}")
