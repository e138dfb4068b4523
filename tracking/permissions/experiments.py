"""Permissions on experiments themselves, the same for every interface."""

from __future__ import annotations

from audit.actions import Action
from audit.refusals import Refusal, denied
from core.actors import Actor
from core.errors import NotFound
from core.refs import experiment_ref
from tracking.models import Experiment, ExperimentLevel
from tracking.permissions.levels import DEFAULT_EXPERIMENT, everybody_has, level_on

_VERBS = {
    ExperimentLevel.READ: "read",
    ExperimentLevel.EDIT: "edit",
    ExperimentLevel.MANAGE: "manage",
}


def experiment_not_found(experiment_id: int) -> str:
    """Return the one message for an experiment that is missing or not visible."""
    return f"No Experiment with id={experiment_id} exists"


def may_read_experiment(actor: Actor, experiment_id: int) -> bool:
    """Return whether the actor may see an experiment. No query where everybody may."""
    return everybody_has(ExperimentLevel.READ, actor) or level_on(actor, experiment_id) >= ExperimentLevel.READ


def require_readable(actor: Actor, experiment_id: int) -> None:
    """Raise the NotFound of a missing experiment for one that the actor may not see."""
    if not may_read_experiment(actor, experiment_id):
        raise NotFound(experiment_not_found(experiment_id))


def refuse_experiment(actor: Actor, experiment: Experiment, level: ExperimentLevel, action: Action) -> Refusal | None:
    """Return the reason why an actor who may read an experiment lacks a level on it, None where they have it."""
    if level_on(actor, experiment.pk) >= level:
        return None
    if experiment.pk == DEFAULT_EXPERIMENT and level is ExperimentLevel.MANAGE:
        why = f"Everybody logs to experiment {experiment.pk}, so only superusers may manage it."
    else:
        why = f"{actor.name} may not {_VERBS[level]} the experiment {experiment.name}. Its managers can allow it."
    return Refusal(why, action, experiment_ref(experiment.pk))


def require_experiment_level(actor: Actor, experiment: Experiment, level: ExperimentLevel, action: Action) -> None:
    """Raise NotFound where the actor may not see the experiment, Denied where they may see it only."""
    require_readable(actor, experiment.pk)
    refusal = refuse_experiment(actor, experiment, level, action)
    if refusal is not None:
        raise denied(refusal)
