"""Permissions of an experiment: `/api/2.0/permissions/experiments/{id}`, with the experiment's own id."""

from __future__ import annotations

from accounts.principals import PrincipalKind
from core.actors import Actor
from mlflow_api.databricks.grant_entries import read_grant
from mlflow_api.databricks.render import PRINCIPALS
from mlflow_api.dispatch import rpc
from mlflow_api.parse import Params
from mlflow_api.render_tracking import Json
from tracking.models import Experiment, ExperimentLevel
from tracking.permissions.grants import Grant, grants_of, patterns_over
from tracking.permissions.levels import DEFAULT_EXPERIMENT, LEVEL_DESCRIPTIONS, default_level
from tracking.queries import get_experiment
from tracking.services.grants import set_experiment_grants

_PATH = "experiments/{experiment_id}"
_LEVELS = {f"CAN_{level.name}": level for level in ExperimentLevel}
_ROOT = "/experiments"


@rpc("GET", _PATH, area="permissions")
def get_permissions(actor: Actor, q: Params) -> Json:
    """Databricks `permissions/experiments/{id}` (get): return the grants of an experiment. Raises NotFound."""
    return _permissions_json(get_experiment(actor, q.need("experiment_id")))


@rpc("GET", f"{_PATH}/permissionLevels", area="permissions")
def get_permission_levels(actor: Actor, q: Params) -> Json:
    """Databricks `…/permissionLevels`: return the levels of experiments, with descriptions. Raises NotFound."""
    get_experiment(actor, q.need("experiment_id"))
    levels = [{"permission_level": name, "description": LEVEL_DESCRIPTIONS[level]} for name, level in _LEVELS.items()]
    return {"permission_levels": levels}


@rpc("PUT", _PATH, area="permissions")
def put_permissions(actor: Actor, q: Params) -> Json:
    """Databricks `permissions/experiments/{id}` (put): replace all grants and return them.

    Raises NotFound (experiment, principal), Denied, InvalidInput.
    """
    return _set(actor, q, replace=True)


@rpc("PATCH", _PATH, area="permissions")
def patch_permissions(actor: Actor, q: Params) -> Json:
    """Databricks `permissions/experiments/{id}` (patch): add or change grants and return all of them.

    Raises NotFound (experiment, principal), Denied, InvalidInput.
    """
    return _set(actor, q, replace=False)


def _set(actor: Actor, q: Params, *, replace: bool) -> Json:
    experiment = get_experiment(actor, q.need("experiment_id"))
    grants = [Grant(*read_grant(item, _LEVELS)) for item in q.items("access_control_list")]
    set_experiment_grants(actor=actor, experiment_id=experiment.pk, grants=grants, replace=replace)
    return _permissions_json(experiment)


def _permissions_json(experiment: Experiment) -> Json:
    """Return the grants of an experiment; those by pattern and what everybody has are inherited."""
    entries = [_entry(grant.kind, grant.name, grant.level, inherited=False) for grant in grants_of(experiment)]
    entries += [
        _entry(grant.kind, grant.name, _capped(experiment, grant.level), inherited=True)
        for grant in patterns_over(experiment.name)
    ]
    if default := default_level():
        entries.append(_entry(PrincipalKind.GROUP, "users", _capped(experiment, default), inherited=True))
    entries.append(_entry(PrincipalKind.GROUP, "admins", ExperimentLevel.MANAGE, inherited=True))
    return {
        "object_id": f"/experiments/{experiment.pk}",
        "object_type": "mlflowExperiment",
        "access_control_list": entries,
    }


def _capped(experiment: Experiment, level: int) -> ExperimentLevel:
    """Return an inherited level, capped: only superusers manage the default experiment."""
    is_default = experiment.pk == DEFAULT_EXPERIMENT
    return ExperimentLevel(min(level, ExperimentLevel.EDIT) if is_default else level)


def _entry(kind: PrincipalKind, name: str, level: ExperimentLevel, *, inherited: bool) -> Json:
    permission: Json = {"permission_level": f"CAN_{level.name}", "inherited": inherited}
    if inherited:
        permission["inherited_from_object"] = [_ROOT]
    return {PRINCIPALS[kind]: name, "display_name": name, "all_permissions": [permission]}
