"""Writing logged models (MLflow 3): a model as a run made it, before anybody registers it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence

from django.db import transaction

from audit.actions import Action
from audit.evidence import Evidence, logged_model_subject, note_writer
from audit.services import record
from core.actors import Actor
from core.errors import InvalidInput, NotFound
from core.refs import logged_model_ref
from core.times import now_ms
from lineage.services import record_logged_model
from tracking.limits import Pair, checked_model_name, checked_model_pairs, checked_model_params, checked_text
from tracking.models import (
    Experiment,
    Lifecycle,
    LoggedModel,
    LoggedModelParam,
    LoggedModelStatus,
    LoggedModelTag,
    Run,
)
from tracking.permissions.experiments import experiment_not_found, require_readable
from tracking.permissions.runs import Change, logged_model_not_found, require_logged_model, require_run, run_not_found
from tracking.queries import experiment_number
from tracking.random_names import random_name
from tracking.services.experiments import require_active

VERSIONS_TAG = "mlflow.modelVersions"
# Tags that MLflow's client sets after registering are not evidence.
_SET_BY_CLIENTS = frozenset({VERSIONS_TAG})


def _lock(actor: Actor, model_id: str, action: Action, change: Change = Change.EVIDENCE) -> LoggedModel:
    """Return a logged model that was not deleted and that the actor may change, its row locked.

    Raises NotFound, Denied.
    """
    model = LoggedModel.objects.select_for_update().filter(pk=model_id, lifecycle_stage=Lifecycle.ACTIVE).first()
    if model is None:
        raise NotFound(logged_model_not_found(model_id))
    require_logged_model(actor, model, change, action)
    return model


def _note(actor: Actor, model: LoggedModel, details: Iterable[str]) -> None:
    """Store the actor as a writer of evidence on a logged model."""
    note_writer(actor=actor, subject=logged_model_subject(model.pk), kind=Evidence.LOGGED_MODEL, details=details)


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
    checked_text(model_type, field="model_type", limit=500)
    new_params, new_tags = checked_model_params(params), checked_model_pairs(tags, field="tags")
    experiment = _active_experiment(actor, experiment_id)
    _require_source_run(actor, source_run_id)
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
    add_params_and_tags(model, new_params, new_tags)
    record_logged_model(actor=actor, model_id=model_id, name=name, run_id=source_run_id)
    after = {"experiment": experiment.pk, "name": name, "source_run": source_run_id}
    after |= {"params": new_params, "tags": new_tags}
    record(actor=actor, action=Action.TRACKING_LOGGED_MODEL_CREATED, obj=logged_model_ref(model_id), after=after)
    return model


def add_params_and_tags(model: LoggedModel, params: Mapping[str, str], tags: Mapping[str, str]) -> None:
    """Insert the params and tags of a new logged model."""
    LoggedModelParam.objects.bulk_create([LoggedModelParam(model=model, key=k, value=v) for k, v in params.items()])
    LoggedModelTag.objects.bulk_create([LoggedModelTag(model=model, key=k, value=v) for k, v in tags.items()])


def _require_source_run(actor: Actor, run_id: str) -> None:
    """Raise NotFound for a run that does not exist, Denied for one that the actor may not change; "" is no run."""
    if not run_id:
        return
    run = Run.objects.filter(pk=run_id).first()
    if run is None:
        raise NotFound(run_not_found(run_id))
    require_run(actor, run, Change.STATUS, Action.TRACKING_LOGGED_MODEL_CREATED)


def _active_experiment(actor: Actor, experiment_id: str | int) -> Experiment:
    number = experiment_number(experiment_id)
    experiment = Experiment.objects.filter(pk=number).first()
    if experiment is None:
        raise NotFound(experiment_not_found(number))
    require_readable(actor, number)
    require_active(experiment)
    return experiment


@transaction.atomic
def finalize_logged_model(*, actor: Actor, model_id: str, status: str) -> LoggedModel:
    """Set the status: READY once every file is there, UPLOAD_FAILED otherwise. Raises NotFound."""
    model = _lock(actor, model_id, Action.TRACKING_LOGGED_MODEL_FINALIZED)
    before = model.status
    model.status, model.updated_ms = LoggedModelStatus(status), now_ms()
    model.save(update_fields=["status", "updated_ms"])
    _note(actor, model, ["its status"])
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
    """Add params to a logged model. The same value again changes nothing.

    Raises NotFound, InvalidInput (another value for a param that is set).
    """
    new_params = checked_model_params(params)
    model = _lock(actor, model_id, Action.TRACKING_LOGGED_MODEL_PARAMS_LOGGED)
    stored = dict(LoggedModelParam.objects.filter(model=model, key__in=new_params.keys()).values_list("key", "value"))
    if changed := sorted(key for key, value in stored.items() if new_params[key] != value):
        raise InvalidInput(f"Changing param values is not allowed. Param '{changed[0]}' of {model.pk} is already set.")
    added = {key: value for key, value in new_params.items() if key not in stored}
    if not added:
        return
    LoggedModelParam.objects.bulk_create([LoggedModelParam(model=model, key=k, value=v) for k, v in added.items()])
    _note(actor, model, [f"its param {key}" for key in added])
    record(
        actor=actor,
        action=Action.TRACKING_LOGGED_MODEL_PARAMS_LOGGED,
        obj=logged_model_ref(model.pk),
        after=added,
    )


@transaction.atomic
def set_model_tags(*, actor: Actor, model_id: str, tags: Sequence[Pair]) -> LoggedModel:
    """Set tags of a logged model; the last of equal keys wins. Raises NotFound."""
    new_tags = checked_model_pairs(tags, field="tags")
    change = Change.STATUS if new_tags.keys() <= _SET_BY_CLIENTS else Change.EVIDENCE
    model = _lock(actor, model_id, Action.TRACKING_LOGGED_MODEL_TAGS_SET, change)
    if not new_tags:
        return model
    stored = {tag.key: tag for tag in LoggedModelTag.objects.filter(model=model, key__in=new_tags.keys())}
    before = {key: tag.value for key, tag in stored.items()}
    for key, tag in stored.items():
        tag.value = new_tags[key]
    # the model's row is locked, so nobody adds one of these keys meanwhile
    LoggedModelTag.objects.bulk_update(stored.values(), ["value"])
    LoggedModelTag.objects.bulk_create(
        [LoggedModelTag(model=model, key=key, value=value) for key, value in new_tags.items() if key not in stored]
    )
    _note(actor, model, [f"its tag {key}" for key in new_tags])
    record(
        actor=actor,
        action=Action.TRACKING_LOGGED_MODEL_TAGS_SET,
        obj=logged_model_ref(model.pk),
        before=before,
        after=new_tags,
    )
    return model


@transaction.atomic
def add_version_tag(*, actor: Actor, model_id: str, name: str, version: int) -> None:
    """Name a registered version in the tag `mlflow.modelVersions` of a logged model, as MLflow's servers do.

    Raises NotFound, Denied.
    """
    model = _lock(actor, model_id, Action.TRACKING_LOGGED_MODEL_TAGS_SET, Change.STATUS)
    tag = LoggedModelTag.objects.filter(model=model, key=VERSIONS_TAG).first()
    try:
        versions = json.loads(tag.value) if tag else []
    except ValueError:
        versions = []
    entry = {"name": name, "version": version}
    if isinstance(versions, list) and entry not in versions:
        set_model_tags(actor=actor, model_id=model_id, tags=[(VERSIONS_TAG, json.dumps([*versions, entry]))])


@transaction.atomic
def delete_model_tag(*, actor: Actor, model_id: str, key: str) -> None:
    """Delete a tag of a logged model. Raises NotFound: it has none of that key."""
    model = _lock(actor, model_id, Action.TRACKING_LOGGED_MODEL_TAG_DELETED)
    tag = LoggedModelTag.objects.filter(model=model, key=key).first()
    if tag is None:
        raise NotFound(f"No tag with key {key[:250]!r} found for model with ID {model.pk!r}.")
    before = {key: tag.value}
    tag.delete()
    _note(actor, model, [f"its tag {key}"])
    record(
        actor=actor,
        action=Action.TRACKING_LOGGED_MODEL_TAG_DELETED,
        obj=logged_model_ref(model.pk),
        before=before,
    )


@transaction.atomic
def delete_logged_model(*, actor: Actor, model_id: str) -> None:
    """Mark a logged model as deleted: its rows and files stay. Deleting it twice changes nothing.

    Raises NotFound.
    """
    deleted = LoggedModel.objects.filter(pk=model_id, lifecycle_stage=Lifecycle.DELETED).first()
    if deleted is not None:
        require_logged_model(actor, deleted, Change.DELETE, Action.TRACKING_LOGGED_MODEL_DELETED)
        return
    model = _lock(actor, model_id, Action.TRACKING_LOGGED_MODEL_DELETED, Change.DELETE)
    model.lifecycle_stage, model.updated_ms = Lifecycle.DELETED, now_ms()
    model.save(update_fields=["lifecycle_stage", "updated_ms"])
    _note(actor, model, ["its deletion"])
    record(
        actor=actor,
        action=Action.TRACKING_LOGGED_MODEL_DELETED,
        obj=logged_model_ref(model.pk),
        before={"lifecycle_stage": Lifecycle.ACTIVE.value},
        after={"lifecycle_stage": Lifecycle.DELETED.value},
    )
