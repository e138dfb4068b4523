"""Writing experiments. Deleting is soft: an experiment and its runs can be restored."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.db.models import Q

from audit.actions import Action
from audit.refusals import deny_if
from audit.services import record
from core.actors import Actor
from core.errors import AlreadyExists, InvalidInput, InvalidState, NotFound
from core.ids import whole_number
from core.refs import experiment_ref
from core.times import now_ms
from tracking.limits import MAX_EXPERIMENT_TAG_VALUE, Pair, checked_experiment_name, checked_key, checked_text
from tracking.locks import hold_locations
from tracking.models import Artifact, Experiment, ExperimentLevel, ExperimentTag, Lifecycle
from tracking.paths import SCHEME, ancestors, below, clean_path, key_of_uri
from tracking.permissions.experiments import experiment_not_found, require_experiment_level
from tracking.permissions.grants import let_creator_manage
from tracking.permissions.levels import rules_all
from tracking.permissions.runs import refuse_evidence
from tracking.queries import experiment_number


def lock_experiment(actor: Actor, experiment_id: str | int, level: ExperimentLevel, action: Action) -> Experiment:
    """Return an experiment on which the actor has ``level``, with its row locked until commit.

    Raises NotFound, Denied, InvalidInput.
    """
    number = experiment_number(experiment_id)
    experiment = Experiment.objects.select_for_update().filter(pk=number).first()
    if experiment is None:
        raise NotFound(experiment_not_found(number))
    require_experiment_level(actor, experiment, level, action)
    return experiment


def require_active(experiment: Experiment) -> None:
    """Refuse a write to a deleted experiment. Raises InvalidInput."""
    if experiment.lifecycle_stage != Lifecycle.ACTIVE:
        raise InvalidInput(
            f"The experiment {experiment.pk} must be in the 'active' state. "
            f"Current state is {experiment.lifecycle_stage}."
        )


@transaction.atomic
def create_experiment(*, actor: Actor, name: str, artifact_location: str = "", tags: Sequence[Pair] = ()) -> Experiment:
    """Create an experiment. Raises AlreadyExists: the name is taken, if only by a deleted one.

    ``artifact_location`` may be a folder of this server (``mlflow-artifacts:/…``), by default one named by the id.
    The server never follows a client's URI, so other locations are refused. Raises InvalidInput.
    """
    checked_experiment_name(name)
    location = _checked_location(artifact_location)
    checked_tags = {key: _checked_tag(key, value) for key, value in tags}
    if Experiment.objects.filter(name=name).exists():
        raise AlreadyExists(f"Experiment(name={name}) already exists.")
    now = now_ms()
    experiment = Experiment.objects.create(
        name=name, artifact_location=location, created_ms=now, updated_ms=now, created_by=actor.name
    )
    if not location:
        experiment.artifact_location = f"{SCHEME}/{experiment.pk}"
        experiment.save(update_fields=["artifact_location"])
    let_creator_manage(actor, experiment)
    ExperimentTag.objects.bulk_create(
        [ExperimentTag(experiment=experiment, key=key, value=checked_tags[key]) for key in checked_tags]
    )
    record(
        actor=actor,
        action=Action.TRACKING_EXPERIMENT_CREATED,
        obj=experiment_ref(experiment.pk),
        after={"name": name, "artifact_location": experiment.artifact_location, "tags": checked_tags},
    )
    return experiment


def _checked_location(location: str) -> str:
    if not location:
        return ""
    try:
        folder = clean_path(key_of_uri(location).removesuffix("/"))
    except InvalidInput as error:
        raise InvalidInput(
            f"Invalid artifact location: artifacts are kept by this server, under {SCHEME}/. {error.message}"
        ) from error
    hold_locations()
    _refuse_shared(folder)
    return f"{SCHEME}/{folder}"


def _refuse_shared(folder: str) -> None:
    """Raise InvalidInput for a folder that is not free: the owner of a folder decides on its files.

    A folder is taken that is the folder of another experiment, or is above or below one, that holds files, or whose
    first name is a number: those belong to the experiments with that id.
    """
    above = [f"{SCHEME}/{path}" for path in (*ancestors(folder), folder)]
    inside = below(f"{SCHEME}/{folder}", column="artifact_location")
    taken = Experiment.objects.filter(Q(artifact_location__in=above) | inside).exists()
    if taken or whole_number(folder.partition("/")[0]) is not None or Artifact.objects.filter(below(folder)).exists():
        raise InvalidInput(
            "Invalid artifact location: the folder is in use, or kept for another experiment. Name a new one."
        )


def _checked_tag(key: str, value: str) -> str:
    checked_key(key, field="key")
    return checked_text(value, field="value", limit=MAX_EXPERIMENT_TAG_VALUE)


@transaction.atomic
def rename_experiment(*, actor: Actor, experiment_id: str | int, name: str) -> Experiment:
    """Give an experiment a new name. Raises InvalidState: it is deleted. Raises AlreadyExists: the name is taken.

    Raises InvalidInput, NotFound.
    """
    checked_experiment_name(name)
    # patterns grant by name, so another name can change who may do what
    experiment = lock_experiment(actor, experiment_id, ExperimentLevel.MANAGE, Action.TRACKING_EXPERIMENT_UPDATED)
    if experiment.lifecycle_stage != Lifecycle.ACTIVE:
        raise InvalidState("Cannot rename a non-active experiment.")
    if Experiment.objects.filter(name=name).exclude(pk=experiment.pk).exists():
        raise AlreadyExists(f"Experiment(name={name}) already exists.")
    before = experiment.name
    experiment.name, experiment.updated_ms = name, now_ms()
    experiment.save(update_fields=["name", "updated_ms"])
    record(
        actor=actor,
        action=Action.TRACKING_EXPERIMENT_UPDATED,
        obj=experiment_ref(experiment.pk),
        before={"name": before},
        after={"name": name},
    )
    return experiment


@transaction.atomic
def delete_experiment(*, actor: Actor, experiment_id: str | int) -> Experiment:
    """Mark an active experiment and its active runs as deleted. Raises NotFound: there is no active one."""
    return _set_lifecycle(actor, experiment_id, Lifecycle.ACTIVE, Lifecycle.DELETED, Action.TRACKING_EXPERIMENT_DELETED)


@transaction.atomic
def restore_experiment(*, actor: Actor, experiment_id: str | int) -> Experiment:
    """Restore a deleted experiment with the runs that its deletion deleted.

    Raises NotFound: there is no deleted one.
    """
    action = Action.TRACKING_EXPERIMENT_RESTORED
    return _set_lifecycle(actor, experiment_id, Lifecycle.DELETED, Lifecycle.ACTIVE, action)


def _set_lifecycle(
    actor: Actor, experiment_id: str | int, source: Lifecycle, target: Lifecycle, action: Action
) -> Experiment:
    experiment = lock_experiment(actor, experiment_id, ExperimentLevel.MANAGE, action)
    if experiment.lifecycle_stage != source:
        raise NotFound(f"No {source.value} Experiment with id={experiment.pk} exists")
    _refuse_evidence(actor, experiment, action)
    experiment.lifecycle_stage, experiment.updated_ms = target, now_ms()
    experiment.save(update_fields=["lifecycle_stage", "updated_ms"])
    is_deletion = target == Lifecycle.DELETED
    changed = experiment.runs.filter(lifecycle_stage=source)
    if not is_deletion:
        changed = experiment.runs.filter(deleted_with_experiment=True)
    runs = changed.update(lifecycle_stage=target, deleted_with_experiment=is_deletion)
    record(
        actor=actor,
        action=action,
        obj=experiment_ref(experiment.pk),
        before={"lifecycle_stage": source.value},
        after={"lifecycle_stage": target.value, "runs": runs},
    )
    return experiment


def _refuse_evidence(actor: Actor, experiment: Experiment, action: Action) -> None:
    """Raise Denied where the actor may not change one of the runs from which versions were registered."""
    registered = experiment.runs.filter(is_registered=True).values_list("pk", flat=True)
    if not rules_all(actor) and (run_ids := list(registered)):
        deny_if(refuse_evidence(actor, run_ids, [], action, experiment_ref(experiment.pk)))


@transaction.atomic
def set_experiment_tag(*, actor: Actor, experiment_id: str | int, key: str, value: str) -> None:
    """Set a tag of an active experiment. Raises InvalidInput, NotFound."""
    _checked_tag(key, value)
    experiment = lock_experiment(actor, experiment_id, ExperimentLevel.EDIT, Action.TRACKING_EXPERIMENT_TAG_SET)
    require_active(experiment)
    before = ExperimentTag.objects.filter(experiment=experiment, key=key).first()
    ExperimentTag.objects.update_or_create(experiment=experiment, key=key, defaults={"value": value})
    _touch(experiment)
    record(
        actor=actor,
        action=Action.TRACKING_EXPERIMENT_TAG_SET,
        obj=experiment_ref(experiment.pk),
        before={key: before.value} if before else None,
        after={key: value},
    )


@transaction.atomic
def delete_experiment_tag(*, actor: Actor, experiment_id: str | int, key: str) -> None:
    """Delete a tag of an active experiment. Raises NotFound: it has no such tag. Raises InvalidInput."""
    experiment = lock_experiment(actor, experiment_id, ExperimentLevel.EDIT, Action.TRACKING_EXPERIMENT_TAG_DELETED)
    require_active(experiment)
    tag = ExperimentTag.objects.filter(experiment=experiment, key=key).first()
    if tag is None:
        raise NotFound(f"No tag with name: {key[:250]} in experiment with id {experiment.pk}")
    before = {key: tag.value}
    tag.delete()
    _touch(experiment)
    record(
        actor=actor,
        action=Action.TRACKING_EXPERIMENT_TAG_DELETED,
        obj=experiment_ref(experiment.pk),
        before=before,
    )


def _touch(experiment: Experiment) -> None:
    experiment.updated_ms = now_ms()
    experiment.save(update_fields=["updated_ms"])
