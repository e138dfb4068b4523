"""MLflow auth up to 3.12: `experiments/permissions/…` and `registered-models/permissions/…`, one row for each user.

All calls need the right to manage the experiment or model. Raises NotFound for what the caller may not see.
"""

from __future__ import annotations

from dataclasses import dataclass

from accounts.models import User
from accounts.principals import PrincipalKind
from audit.actions import Action
from core.actors import Actor
from core.errors import AlreadyExists, NotFound
from mlflow_api.auth.levels import (
    EXPERIMENT_LEVELS,
    MODEL_LEVELS,
    account_of,
    experiment_level_name,
    level_name,
    model_level_name,
)
from mlflow_api.dispatch import rpc
from mlflow_api.parse import Params
from mlflow_api.render_tracking import Json
from registry.models import RegisteredModel
from registry.permissions import Grant as ModelGrant
from registry.permissions import Level as ModelLevel
from registry.permissions import grants_of as grants_of_model
from registry.permissions import require_level
from registry.queries import get_model
from registry.services.permissions import revoke_permission, set_permissions
from tracking.models import Experiment, ExperimentLevel
from tracking.permissions.experiments import require_experiment_level
from tracking.permissions.grants import Grant, grants_of
from tracking.queries import get_experiment
from tracking.services.grants import revoke_experiment_grant, set_experiment_grants

_EXPERIMENTS, _MODELS = "experiments/permissions", "registered-models/permissions"


@dataclass(frozen=True, slots=True)
class OnExperiment:
    """The grants on one experiment, with MLflow's names of levels."""

    experiment: Experiment

    def level(self, user: User, kind: PrincipalKind) -> str:
        """Return the level granted to a user directly, "" for none."""
        rows = grants_of(self.experiment)
        granted = next((row.level for row in rows if (row.kind, row.name) == (kind, user.username)), None)
        return experiment_level_name(granted) if granted else ""

    def grant(self, actor: Actor, user: User, kind: PrincipalKind, level: str) -> None:
        """Grant a level in place of the one that the user was granted before. Raises InvalidInput."""
        grant = Grant(kind, user.username, EXPERIMENT_LEVELS[level])
        set_experiment_grants(actor=actor, experiment_id=self.experiment.pk, grants=[grant])

    def revoke(self, actor: Actor, user: User, kind: PrincipalKind) -> None:
        """Revoke a user's grant. Raises NotFound."""
        revoke_experiment_grant(actor=actor, experiment_id=self.experiment.pk, kind=kind, principal=user.username)

    def as_json(self, user: User, level: str) -> Json:
        """Return one grant in the format of the protocol."""
        row = {"experiment_id": str(self.experiment.pk), "user_id": user.pk, "permission": level}
        return {"experiment_permission": row}


@dataclass(frozen=True, slots=True)
class OnModel:
    """The grants on one registered model, with MLflow's names of levels."""

    model: RegisteredModel

    def level(self, user: User, kind: PrincipalKind) -> str:
        """Return the level granted to a user directly, "" for none."""
        rows = grants_of_model(self.model)
        granted = next((row.level for row in rows if (row.kind, row.name) == (kind, user.username)), None)
        return model_level_name(granted) if granted else ""

    def grant(self, actor: Actor, user: User, kind: PrincipalKind, level: str) -> None:
        """Grant a level in place of the one that the user was granted before. Raises InvalidInput."""
        grant = ModelGrant(kind, user.username, MODEL_LEVELS[level])
        set_permissions(actor=actor, name=self.model.name, grants=[grant], replace=False)

    def revoke(self, actor: Actor, user: User, kind: PrincipalKind) -> None:
        """Revoke a user's grant. Raises NotFound."""
        revoke_permission(actor=actor, name=self.model.name, kind=kind, principal=user.username)

    def as_json(self, user: User, level: str) -> Json:
        """Return one grant in the format of the protocol."""
        return {"registered_model_permission": {"name": self.model.name, "user_id": user.pk, "permission": level}}


Managed = OnExperiment | OnModel


def managed_experiment(actor: Actor, experiment_id: str) -> OnExperiment:
    """Return the grants of an experiment that the actor manages. Raises NotFound, Denied."""
    experiment = get_experiment(actor, experiment_id)
    action = Action.TRACKING_EXPERIMENT_PERMISSIONS_CHANGED
    require_experiment_level(actor, experiment, ExperimentLevel.MANAGE, action)
    return OnExperiment(experiment)


def managed_model(actor: Actor, name: str) -> OnModel:
    """Return the grants of a model that the actor manages. Raises NotFound, Denied."""
    model = get_model(actor, name)
    require_level(actor, model, ModelLevel.MANAGE, action=Action.REGISTRY_PERMISSIONS_CHANGED)
    return OnModel(model)


def _managed(actor: Actor, q: Params, area: str) -> Managed:
    if area == _EXPERIMENTS:
        return managed_experiment(actor, q.need("experiment_id"))
    return managed_model(actor, q.need("name"))


def _create(actor: Actor, q: Params, area: str) -> Json:
    managed = _managed(actor, q, area)
    user, kind = account_of(q.need("username"))
    level = level_name(q.need("permission"))
    if managed.level(user, kind):
        raise AlreadyExists(f"{user.username} has a permission here already. Update it.")
    managed.grant(actor, user, kind, level)
    return managed.as_json(user, level)


def _get(actor: Actor, q: Params, area: str) -> Json:
    managed = _managed(actor, q, area)
    user, kind = account_of(q.need("username"))
    return managed.as_json(user, _granted_level(managed, user, kind))


def _update(actor: Actor, q: Params, area: str) -> Json:
    managed = _managed(actor, q, area)
    user, kind = account_of(q.need("username"))
    level = level_name(q.need("permission"))
    _granted_level(managed, user, kind)
    managed.grant(actor, user, kind, level)
    return {}


def _delete(actor: Actor, q: Params, area: str) -> Json:
    managed = _managed(actor, q, area)
    user, kind = account_of(q.need("username"))
    _granted_level(managed, user, kind)
    managed.revoke(actor, user, kind)
    return {}


def _granted_level(managed: Managed, user: User, kind: PrincipalKind) -> str:
    """Return the level that a user was granted. Raises NotFound where there is no grant."""
    level = managed.level(user, kind)
    if not level:
        raise NotFound(f"{user.username} was granted no permission here.")
    return level


@rpc("POST", f"{_EXPERIMENTS}/create")
def create_experiment_permission(actor: Actor, q: Params) -> Json:
    """MLflow auth: grant a user a level on an experiment and return the grant.

    Raises NotFound (experiment, user), Denied, AlreadyExists, InvalidInput (the level).
    """
    return _create(actor, q, _EXPERIMENTS)


@rpc("GET", f"{_EXPERIMENTS}/get")
def get_experiment_permission(actor: Actor, q: Params) -> Json:
    """MLflow auth: return what a user was granted on an experiment. Raises NotFound, Denied."""
    return _get(actor, q, _EXPERIMENTS)


@rpc("PATCH", f"{_EXPERIMENTS}/update")
def update_experiment_permission(actor: Actor, q: Params) -> Json:
    """MLflow auth: replace what a user was granted on an experiment.

    Raises NotFound, Denied, InvalidInput (the level).
    """
    return _update(actor, q, _EXPERIMENTS)


@rpc("DELETE", f"{_EXPERIMENTS}/delete")
def delete_experiment_permission(actor: Actor, q: Params) -> Json:
    """MLflow auth: revoke the grant of a user on an experiment. Raises NotFound, Denied."""
    return _delete(actor, q, _EXPERIMENTS)


@rpc("POST", f"{_MODELS}/create")
def create_model_permission(actor: Actor, q: Params) -> Json:
    """MLflow auth: grant a user a level on a model and return the grant.

    Raises NotFound (model, user), Denied, AlreadyExists, InvalidInput (the level).
    """
    return _create(actor, q, _MODELS)


@rpc("GET", f"{_MODELS}/get")
def get_model_permission(actor: Actor, q: Params) -> Json:
    """MLflow auth: return what a user was granted on a model. Raises NotFound, Denied."""
    return _get(actor, q, _MODELS)


@rpc("PATCH", f"{_MODELS}/update")
def update_model_permission(actor: Actor, q: Params) -> Json:
    """MLflow auth: replace what a user was granted on a model. Raises NotFound, Denied, InvalidInput (the level)."""
    return _update(actor, q, _MODELS)


@rpc("DELETE", f"{_MODELS}/delete")
def delete_model_permission(actor: Actor, q: Params) -> Json:
    """MLflow auth: revoke the grant of a user on a model. Raises NotFound, Denied."""
    return _delete(actor, q, _MODELS)
