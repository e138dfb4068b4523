"""Permissions on runs and logged models. Both belong to their creator, inside an experiment.

The creator (or the owner of the creating service account) may change and delete it while they may read its experiment.
For others changing takes `edit` on the experiment, deleting `manage`. The run that a model version was registered from
is readable with the model. Changing evidence of a version's verdict also needs `manage` on every such model
(settings.RUN_HOLDERS).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils.module_loading import import_string

from accounts.models import User
from audit.actions import Action
from audit.refusals import Refusal, denied
from core.actors import Actor
from core.errors import NotFound
from core.refs import logged_model_ref, run_ref
from tracking.models import ExperimentLevel, LoggedModel, Run
from tracking.permissions.levels import (
    DEFAULT_EXPERIMENT,
    everybody_has,
    level_on,
    levels_on,
    rules_all,
    visible_experiments,
)


class Change(Enum):
    """A kind of change: the level that it needs on others' runs, and whether it changes evidence of versions."""

    STATUS = ExperimentLevel.EDIT, False
    EVIDENCE = ExperimentLevel.EDIT, True
    DELETE = ExperimentLevel.MANAGE, True

    @property
    def level(self) -> ExperimentLevel:
        """Return the level that it takes on an experiment."""
        return self.value[0]

    @property
    def is_evidence(self) -> bool:
        """Return whether it changes evidence of registered versions."""
        return self.value[1]


class Holder(Protocol):
    """The interface of an entry of RUN_HOLDERS: it knows from which runs and logged models versions were registered.

    ``readable`` returns those of the ids from which a version was registered that the actor may read;
    ``readable_run_ids`` returns the ids of all such runs. ``refuse`` returns why the actor may not change these runs
    and logged models, which are evidence of versions; "" where they may. ``has_readable_folder`` returns whether one of
    the folders belongs to a version that the actor may read.
    """

    def readable(self, actor: Actor, run_ids: Iterable[str], model_ids: Iterable[str]) -> frozenset[str]: ...

    def readable_run_ids(self, actor: Actor) -> QuerySet[Any, str]: ...

    def refuse(self, actor: Actor, run_ids: Iterable[str], model_ids: Iterable[str]) -> str: ...

    def has_readable_folder(self, actor: Actor, folders: Iterable[str]) -> bool: ...


@dataclass(frozen=True, slots=True)
class _Owned:
    """The facts of a run or a logged model on which the permission to change it depends."""

    noun: str
    pk: str
    created_by: str
    experiment_id: int
    is_registered: bool
    ref: str


def _of_run(run: Run) -> _Owned:
    return _Owned("run", run.pk, run.created_by, run.experiment_id, run.is_registered, run_ref(run.pk))


def _of_model(model: LoggedModel) -> _Owned:
    ref = logged_model_ref(model.pk)
    return _Owned("logged model", model.pk, model.created_by, model.experiment_id, model.is_registered, ref)


def run_not_found(run_id: str) -> str:
    """Return the one message for a run that is missing or not visible."""
    return f"Run with id={run_id[:100]} not found"


def logged_model_not_found(model_id: str) -> str:
    """Return the one message for a logged model that is missing, deleted or not visible."""
    return f"Logged model with ID '{model_id[:100]}' not found."


def may_read_run(actor: Actor, run: Run) -> bool:
    """Return whether the actor may see a run. No query where everybody may read every experiment."""
    return _may_read(actor, _of_run(run))


def may_read_logged_model(actor: Actor, model: LoggedModel) -> bool:
    """Return whether the actor may see a logged model. No query where everybody may read every experiment."""
    return _may_read(actor, _of_model(model))


def visible_runs(actor: Actor) -> QuerySet[Run]:
    """Return the runs that the actor may see, for conditions of other queries."""
    rows = Run.objects.all()
    if everybody_has(ExperimentLevel.READ, actor):
        return rows
    visible = Q(experiment__in=visible_experiments(actor))
    for holder in holders():
        visible |= Q(is_registered=True, pk__in=holder.readable_run_ids(actor))
    return rows.filter(visible)


def readable_runs(actor: Actor, runs: Iterable[Run]) -> list[Run]:
    """Return those of the runs that the actor may see, in their order; a fixed number of queries."""
    rows = list(runs)
    if everybody_has(ExperimentLevel.READ, actor):
        return rows
    levels = levels_on(actor, {run.experiment_id for run in rows})
    hidden = [run for run in rows if levels[run.experiment_id] < ExperimentLevel.READ]
    by_version = _readable_by_versions(actor, [_of_run(run) for run in hidden if run.is_registered])
    hidden_ids = {run.pk for run in hidden} - by_version
    return [run for run in rows if run.pk not in hidden_ids]


def readable_models(actor: Actor, models: Iterable[LoggedModel]) -> list[LoggedModel]:
    """Return those of the logged models that the actor may see, in their order; a fixed number of queries."""
    rows = list(models)
    if everybody_has(ExperimentLevel.READ, actor):
        return rows
    levels = levels_on(actor, {row.experiment_id for row in rows})
    hidden = [row for row in rows if levels[row.experiment_id] < ExperimentLevel.READ]
    by_version = _readable_by_versions(actor, [_of_model(row) for row in hidden if row.is_registered])
    hidden_ids = {row.pk for row in hidden} - by_version
    return [row for row in rows if row.pk not in hidden_ids]


def require_readable_run(actor: Actor, run: Run) -> None:
    """Raise the NotFound of a missing run for one that the actor may not see."""
    if not may_read_run(actor, run):
        raise NotFound(run_not_found(run.pk))


def require_readable_model(actor: Actor, model: LoggedModel) -> None:
    """Raise the NotFound of a missing logged model for one that the actor may not see."""
    if not may_read_logged_model(actor, model):
        raise NotFound(logged_model_not_found(model.pk))


def refuse_run(actor: Actor, run: Run, change: Change, action: Action) -> Refusal | None:
    """Return the reason why an actor who may read a run may not change it, None where they may."""
    return _refuse(actor, _of_run(run), change, action)


def require_run(actor: Actor, run: Run, change: Change, action: Action) -> None:
    """Raise NotFound where the actor may not see the run, Denied where they may not change it."""
    require_readable_run(actor, run)
    _deny(refuse_run(actor, run, change, action))


def refuse_logged_model(actor: Actor, model: LoggedModel, change: Change, action: Action) -> Refusal | None:
    """Return the reason why an actor who may read a logged model may not change it, None where they may."""
    return _refuse(actor, _of_model(model), change, action)


def require_logged_model(actor: Actor, model: LoggedModel, change: Change, action: Action) -> None:
    """Raise NotFound where the actor may not see the logged model, Denied where they may not change it."""
    require_readable_model(actor, model)
    _deny(refuse_logged_model(actor, model, change, action))


def is_own(actor: Actor, created_by: str) -> bool:
    """Return whether the actor made something, or owns the service account that did. At most one query."""
    if not created_by:
        return False
    if created_by == actor.name:
        return actor.user_id is not None
    return User.objects.filter(username=created_by, is_service=True, owner_id=actor.user_id or 0).exists()


def _deny(refusal: Refusal | None) -> None:
    if refusal is not None:
        raise denied(refusal)


def _may_read(actor: Actor, owned: _Owned) -> bool:
    if everybody_has(ExperimentLevel.READ, actor) or level_on(actor, owned.experiment_id) >= ExperimentLevel.READ:
        return True
    return owned.is_registered and owned.pk in _readable_by_versions(actor, [owned])


def _readable_by_versions(actor: Actor, owned: list[_Owned]) -> frozenset[str]:
    if not owned:
        return frozenset()
    runs = [item.pk for item in owned if item.noun == "run"]
    models = [item.pk for item in owned if item.noun != "run"]
    return frozenset().union(*(holder.readable(actor, runs, models) for holder in holders()))


def _refuse(actor: Actor, owned: _Owned, change: Change, action: Action) -> Refusal | None:
    if rules_all(actor):
        return None
    if not _has_right(actor, owned, change.level):
        verb = "delete" if change is Change.DELETE else "change"
        why = (
            f"{actor.name} may not {verb} the {owned.noun} {owned.pk} of {owned.created_by or 'somebody else'}: "
            f"it takes the level `{change.level.name.lower()}` on experiment {owned.experiment_id}."
        )
        return Refusal(why, action, owned.ref)
    if change.is_evidence and owned.is_registered:
        run_ids, model_ids = ([owned.pk], []) if owned.noun == "run" else ([], [owned.pk])
        return refuse_evidence(actor, run_ids, model_ids, action, owned.ref)
    return None


def refuse_evidence(
    actor: Actor, run_ids: Iterable[str], model_ids: Iterable[str], action: Action, ref: str
) -> Refusal | None:
    """Return why the actor may not change these runs and logged models, from which versions were registered.

    None where they may.
    """
    for holder in holders():
        if why := holder.refuse(actor, run_ids, model_ids):
            return Refusal(why, action, ref)
    return None


def _has_right(actor: Actor, owned: _Owned, level: ExperimentLevel) -> bool:
    if owned.created_by == actor.name and actor.user_id is not None:
        # it is theirs, in an experiment that they may read
        return everybody_has(ExperimentLevel.READ, actor) or level_on(actor, owned.experiment_id) > 0
    is_managing = level is ExperimentLevel.MANAGE and owned.experiment_id == DEFAULT_EXPERIMENT
    if everybody_has(level, actor) and not is_managing:
        return True
    own_level = level_on(actor, owned.experiment_id)
    return own_level >= level or (own_level >= ExperimentLevel.READ and is_own(actor, owned.created_by))


def holders() -> list[Holder]:
    """Return the entries of RUN_HOLDERS."""
    return [import_string(path)() for path in settings.RUN_HOLDERS]
