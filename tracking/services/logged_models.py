"""Writing logged models (MLflow 3): a model as a run made it, before anybody registers it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence

from django.db import transaction

from audit.actions import Action
from audit.services import record
from core.actors import Actor
from core.errors import InvalidInput, NotFound
from core.refs import logged_model_ref
from core.times import now_ms
from tracking.limits import MAX_TAG_VALUE, Pair, checked_key, checked_model_name, checked_params, checked_text
from tracking.models import (
    Experiment,
    Lifecycle,
    LoggedModel,
    LoggedModelParam,
    LoggedModelStatus,
    LoggedModelTag,
    Run,
)
from tracking.queries import experiment_number
from tracking.random_names import random_name
from tracking.services.experiments import require_active

MAX_PARAMS = 1000
MAX_TAGS = 1000


def _lock(model_id: str) -> LoggedModel:
    """Return a logged model that was not deleted, its row locked."""
    found = LoggedModel.objects.select_for_update().filter(pk=model_id, lifecycle_stage=Lifecycle.ACTIVE).first()
    if found is None:
        raise NotFound(f"Logged model with ID '{model_id[:100]}' not found.")
    return found


def _checked_tags(tags: Sequence[Pair]) -> dict[str, str]:
    if len(tags) > MAX_TAGS:
        raise InvalidInput(f"A logged model can be given at most {MAX_TAGS} tags at once. Got {len(tags)}.")
    for key, value in tags:
        checked_key(key, what="tags.key")
        checked_text(value, what=f"tag '{key}'", limit=MAX_TAG_VALUE)
    return dict(tags)


def _checked_params(params: Sequence[Pair]) -> dict[str, str]:
    if len(params) > MAX_PARAMS:
        raise InvalidInput(f"A logged model can be given at most {MAX_PARAMS} params at once. Got {len(params)}.")
    return checked_params(params)


@transaction.atomic
def create_logged_model(
    *,
    actor: Actor,
    experiment_id: str | int,
    name: str = "",
    model_type: str = "",
    source_run_id: str = "",
    params: Sequence[Pair] = (),
    tags: Sequence[Pair] = (),
) -> LoggedModel:
    """Create a logged model in status PENDING; its files go to ``<experiment>/models/<id>/artifacts``.

    Raises NotFound (experiment, run), InvalidInput (name, params, tags, a deleted experiment).
    """
    name = checked_model_name(name) if name else random_name()
    checked_text(model_type, what="model_type", limit=500)
    wanted, kept = _checked_params(params), _checked_tags(tags)
    experiment = _active_experiment(experiment_id)
    if source_run_id and not Run.objects.filter(pk=source_run_id).exists():
        raise NotFound(f"Run with id={source_run_id[:100]} not found")
    model_id, now = f"m-{uuid.uuid4().hex}", now_ms()
    model = LoggedModel.objects.create(
        id=model_id,
        experiment=experiment,
        name=name,
        model_type=model_type,
        source_run_id=source_run_id or None,
        created_ms=now,
        updated_ms=now,
        created_by=actor.name,
        artifact_uri=f"{experiment.artifact_location}/models/{model_id}/artifacts",
    )
    add_params_and_tags(model, wanted, kept)
    record(
        actor=actor,
        action=Action.TRACKING_LOGGED_MODEL_CREATED,
        obj=logged_model_ref(model_id),
        after={"experiment": experiment.pk, "name": name, "source_run": source_run_id, "params": wanted, "tags": kept},
    )
    return model


def add_params_and_tags(model: LoggedModel, params: Mapping[str, str], tags: Mapping[str, str]) -> None:
    """Insert the params and tags of a new logged model."""
    LoggedModelParam.objects.bulk_create([LoggedModelParam(model=model, key=k, value=v) for k, v in params.items()])
    LoggedModelTag.objects.bulk_create([LoggedModelTag(model=model, key=k, value=v) for k, v in tags.items()])


def _active_experiment(experiment_id: str | int) -> Experiment:
    number = experiment_number(experiment_id)
    experiment = Experiment.objects.filter(pk=number).first()
    if experiment is None:
        raise NotFound(f"No Experiment with id={number} exists")
    require_active(experiment)
    return experiment


@transaction.atomic
def finalize_logged_model(*, actor: Actor, model_id: str, status: str) -> LoggedModel:
    """Set the status: READY once every file is there, UPLOAD_FAILED otherwise."""
    model = _lock(model_id)
    before = model.status
    model.status, model.updated_ms = LoggedModelStatus(status), now_ms()
    model.save(update_fields=["status", "updated_ms"])
    record(
        actor=actor,
        action=Action.TRACKING_LOGGED_MODEL_FINALIZED,
        obj=logged_model_ref(model.pk),
        before={"status": before},
        after={"status": model.status},
    )
    return model


@transaction.atomic
def log_model_params(*, actor: Actor, model_id: str, params: Sequence[Pair]) -> None:
    """Add params to a logged model. The same value again changes nothing; InvalidInput for another one."""
    wanted = _checked_params(params)
    model = _lock(model_id)
    held = dict(LoggedModelParam.objects.filter(model=model, key__in=wanted.keys()).values_list("key", "value"))
    if changed := sorted(key for key, value in held.items() if wanted[key] != value):
        raise InvalidInput(f"Changing param values is not allowed. Param '{changed[0]}' of {model.pk} is already set.")
    added = {key: value for key, value in wanted.items() if key not in held}
    if not added:
        return
    LoggedModelParam.objects.bulk_create([LoggedModelParam(model=model, key=k, value=v) for k, v in added.items()])
    record(
        actor=actor,
        action=Action.TRACKING_LOGGED_MODEL_PARAMS_LOGGED,
        obj=logged_model_ref(model.pk),
        after=added,
    )


@transaction.atomic
def set_model_tags(*, actor: Actor, model_id: str, tags: Sequence[Pair]) -> LoggedModel:
    """Set tags of a logged model; the last of equal keys wins."""
    kept = _checked_tags(tags)
    model = _lock(model_id)
    if not kept:
        return model
    before = dict(LoggedModelTag.objects.filter(model=model, key__in=kept.keys()).values_list("key", "value"))
    LoggedModelTag.objects.bulk_create(
        [LoggedModelTag(model=model, key=key, value=value) for key, value in kept.items()],
        update_conflicts=True,
        unique_fields=["model", "key"],
        update_fields=["value"],
    )
    record(
        actor=actor,
        action=Action.TRACKING_LOGGED_MODEL_TAGS_SET,
        obj=logged_model_ref(model.pk),
        before=before,
        after=kept,
    )
    return model


@transaction.atomic
def delete_model_tag(*, actor: Actor, model_id: str, key: str) -> None:
    """Delete a tag of a logged model. NotFound: it has none of that key."""
    model = _lock(model_id)
    tag = LoggedModelTag.objects.filter(model=model, key=key).first()
    if tag is None:
        raise NotFound(f"No tag with key {key[:250]!r} found for model with ID {model.pk!r}.")
    before = {key: tag.value}
    tag.delete()
    record(
        actor=actor,
        action=Action.TRACKING_LOGGED_MODEL_TAG_DELETED,
        obj=logged_model_ref(model.pk),
        before=before,
    )


@transaction.atomic
def delete_logged_model(*, actor: Actor, model_id: str) -> None:
    """Delete a logged model, softly: its rows and files stay. One that was deleted before stays as it is."""
    if LoggedModel.objects.filter(pk=model_id, lifecycle_stage=Lifecycle.DELETED).exists():
        return
    model = _lock(model_id)
    model.lifecycle_stage, model.updated_ms = Lifecycle.DELETED, now_ms()
    model.save(update_fields=["lifecycle_stage", "updated_ms"])
    record(
        actor=actor,
        action=Action.TRACKING_LOGGED_MODEL_DELETED,
        obj=logged_model_ref(model.pk),
        before={"lifecycle_stage": Lifecycle.ACTIVE.value},
        after={"lifecycle_stage": Lifecycle.DELETED.value},
    )
