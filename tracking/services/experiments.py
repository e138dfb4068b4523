"""Writing experiments. Deleting is soft: an experiment and its runs can come back."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from audit.actions import Action
from audit.services import record
from core.actors import Actor
from core.errors import AlreadyExists, InvalidInput, InvalidState, NotFound
from core.refs import experiment_ref
from core.times import now_ms
from tracking.limits import MAX_EXPERIMENT_TAG_VALUE, Pair, checked_experiment_name, checked_key, checked_text
from tracking.models import Experiment, ExperimentTag, Lifecycle
from tracking.paths import SCHEME, clean_path, key_of_uri
from tracking.queries import experiment_number


def _lock(experiment_id: str | int) -> Experiment:
    number = experiment_number(experiment_id)
    found = Experiment.objects.select_for_update().filter(pk=number).first()
    if found is None:
        raise NotFound(f"No Experiment with id={number} exists")
    return found


def require_active(experiment: Experiment) -> None:
    """Refuse a write to a deleted experiment."""
    if experiment.lifecycle_stage != Lifecycle.ACTIVE:
        raise InvalidInput(
            f"The experiment {experiment.pk} must be in the 'active' state. "
            f"Current state is {experiment.lifecycle_stage}."
        )


@transaction.atomic
def create_experiment(*, actor: Actor, name: str, artifact_location: str = "", tags: Sequence[Pair] = ()) -> Experiment:
    """Create an experiment. AlreadyExists: the name is taken, if only by a deleted one.

    ``artifact_location`` may be a folder of this server (``mlflow-artifacts:/…``), by default one named by the id. The
    server never follows a client's URI, so other locations are refused.
    """
    checked_experiment_name(name)
    location = _checked_location(artifact_location)
    kept = {key: _checked_tag(key, value) for key, value in tags}
    if Experiment.objects.filter(name=name).exists():
        raise AlreadyExists(f"Experiment(name={name}) already exists.")
    now = now_ms()
    found = Experiment.objects.create(
        name=name, artifact_location=location, created_ms=now, updated_ms=now, created_by=actor.name
    )
    if not location:
        found.artifact_location = f"{SCHEME}/{found.pk}"
        found.save(update_fields=["artifact_location"])
    ExperimentTag.objects.bulk_create([ExperimentTag(experiment=found, key=key, value=kept[key]) for key in kept])
    record(
        actor=actor,
        action=Action.TRACKING_EXPERIMENT_CREATED,
        obj=experiment_ref(found.pk),
        after={"name": name, "artifact_location": found.artifact_location, "tags": kept},
    )
    return found


def _checked_location(location: str) -> str:
    if not location:
        return ""
    try:
        key = key_of_uri(location)
        return f"{SCHEME}/{clean_path(key.removesuffix('/'))}"
    except InvalidInput as error:
        raise InvalidInput(
            f"Invalid artifact location: artifacts are kept by this server, under {SCHEME}/. {error.message}"
        ) from error


def _checked_tag(key: str, value: str) -> str:
    checked_key(key, what="key")
    return checked_text(value, what="value", limit=MAX_EXPERIMENT_TAG_VALUE)


@transaction.atomic
def rename_experiment(*, actor: Actor, experiment_id: str | int, name: str) -> Experiment:
    """Give an experiment a new name. InvalidState: it is deleted. AlreadyExists: the name is taken."""
    checked_experiment_name(name)
    found = _lock(experiment_id)
    if found.lifecycle_stage != Lifecycle.ACTIVE:
        raise InvalidState("Cannot rename a non-active experiment.")
    if Experiment.objects.filter(name=name).exclude(pk=found.pk).exists():
        raise AlreadyExists(f"Experiment(name={name}) already exists.")
    before = found.name
    found.name, found.updated_ms = name, now_ms()
    found.save(update_fields=["name", "updated_ms"])
    record(
        actor=actor,
        action=Action.TRACKING_EXPERIMENT_UPDATED,
        obj=experiment_ref(found.pk),
        before={"name": before},
        after={"name": name},
    )
    return found


@transaction.atomic
def delete_experiment(*, actor: Actor, experiment_id: str | int) -> Experiment:
    """Delete an experiment with its runs, softly. NotFound: there is none that is active."""
    return _turn(actor, experiment_id, Lifecycle.ACTIVE, Lifecycle.DELETED, Action.TRACKING_EXPERIMENT_DELETED)


@transaction.atomic
def restore_experiment(*, actor: Actor, experiment_id: str | int) -> Experiment:
    """Bring a deleted experiment back with its runs. NotFound: there is none that is deleted."""
    return _turn(actor, experiment_id, Lifecycle.DELETED, Lifecycle.ACTIVE, Action.TRACKING_EXPERIMENT_RESTORED)


def _turn(actor: Actor, experiment_id: str | int, source: Lifecycle, target: Lifecycle, action: Action) -> Experiment:
    found = _lock(experiment_id)
    if found.lifecycle_stage != source:
        raise NotFound(f"No {source.value} Experiment with id={found.pk} exists")
    found.lifecycle_stage, found.updated_ms = target, now_ms()
    found.save(update_fields=["lifecycle_stage", "updated_ms"])
    runs = found.runs.filter(lifecycle_stage=source).update(lifecycle_stage=target)
    record(
        actor=actor,
        action=action,
        obj=experiment_ref(found.pk),
        before={"lifecycle_stage": source.value},
        after={"lifecycle_stage": target.value, "runs": runs},
    )
    return found


@transaction.atomic
def set_experiment_tag(*, actor: Actor, experiment_id: str | int, key: str, value: str) -> None:
    """Set a tag of an active experiment."""
    _checked_tag(key, value)
    found = _lock(experiment_id)
    require_active(found)
    before = ExperimentTag.objects.filter(experiment=found, key=key).first()
    ExperimentTag.objects.update_or_create(experiment=found, key=key, defaults={"value": value})
    _touch(found)
    record(
        actor=actor,
        action=Action.TRACKING_EXPERIMENT_TAG_SET,
        obj=experiment_ref(found.pk),
        before={key: before.value} if before else None,
        after={key: value},
    )


@transaction.atomic
def delete_experiment_tag(*, actor: Actor, experiment_id: str | int, key: str) -> None:
    """Delete a tag of an active experiment. NotFound: it has no such tag."""
    found = _lock(experiment_id)
    require_active(found)
    tag = ExperimentTag.objects.filter(experiment=found, key=key).first()
    if tag is None:
        raise NotFound(f"No tag with name: {key[:250]} in experiment with id {found.pk}")
    before = {key: tag.value}
    tag.delete()
    _touch(found)
    record(
        actor=actor,
        action=Action.TRACKING_EXPERIMENT_TAG_DELETED,
        obj=experiment_ref(found.pk),
        before=before,
    )


def _touch(experiment: Experiment) -> None:
    experiment.updated_ms = now_ms()
    experiment.save(update_fields=["updated_ms"])
