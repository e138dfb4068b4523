"""Import of logged models."""

from __future__ import annotations

import re
from collections.abc import Mapping

from django.db import transaction

from audit.actions import Action
from audit.services import record
from core.actors import Actor
from core.errors import AlreadyExists, InvalidInput
from core.refs import logged_model_ref
from lineage.services import IMPORTED, record_logged_model
from tracking.limits import (
    MAX_USERNAME,
    check_times,
    checked_model_name,
    checked_model_pairs,
    checked_model_params,
    checked_text,
)
from tracking.models import Experiment, Lifecycle, LoggedModel, LoggedModelStatus, Run
from tracking.services.imports.records import OldLoggedModel
from tracking.services.logged_models import add_params_and_tags

_MODEL_ID = re.compile(r"m-[0-9A-Za-z-]{1,38}")


@transaction.atomic
def import_logged_model(*, actor: Actor, experiment: Experiment, old: OldLoggedModel, origin: str) -> LoggedModel:
    """Create a logged model with the id, times and state it had; return it.

    Raises AlreadyExists (a logged model has this id), InvalidInput (id, name, params, tags, times, an unknown run).
    """
    _check(old)
    params = checked_model_params([*old.params.items()])
    tags = checked_model_pairs([*old.tags.items()], field="tags")
    model = LoggedModel.objects.create(
        id=old.id,
        experiment=experiment,
        name=checked_model_name(old.name),
        model_type=checked_text(old.model_type, field="model_type", limit=500),
        source_run_id=old.source_run_id or None,
        status=LoggedModelStatus(old.status),
        lifecycle_stage=Lifecycle(old.lifecycle),
        created_ms=old.created_ms,
        updated_ms=old.updated_ms,
        created_by=actor.name[:MAX_USERNAME],
        artifact_uri=f"{experiment.artifact_location}/models/{old.id}/artifacts",
    )
    add_params_and_tags(model, params, tags)
    record_logged_model(
        actor=actor, model_id=model.pk, name=model.name, run_id=model.source_run_id or "", mode=IMPORTED, source=origin
    )
    record(
        actor=actor,
        action=Action.TRACKING_LOGGED_MODEL_IMPORTED,
        obj=logged_model_ref(model.pk),
        after=_facts(old, experiment, params, tags) | {"origin": origin},
    )
    return model


def _check(old: OldLoggedModel) -> None:
    if not _MODEL_ID.fullmatch(old.id):
        raise InvalidInput(f"{old.id[:100]!r} is not an id of a logged model.")
    check_times(old.created_ms, old.updated_ms)
    if LoggedModel.objects.filter(pk=old.id).exists():
        raise AlreadyExists(f"Logged model(id={old.id}) already exists.")
    if old.source_run_id and not Run.objects.filter(pk=old.source_run_id).exists():
        raise InvalidInput(f"The run {old.source_run_id[:100]} that made the logged model {old.id} does not exist.")


def _facts(
    old: OldLoggedModel, experiment: Experiment, params: Mapping[str, str], tags: Mapping[str, str]
) -> dict[str, object]:
    return {
        "experiment": experiment.pk,
        "name": old.name,
        "source_run": old.source_run_id,
        "status": old.status,
        "lifecycle_stage": old.lifecycle,
        "params": params,
        "tags": tags,
    }
