"""Import of experiments."""

from __future__ import annotations

from django.db import transaction

from audit.actions import Action
from audit.services import record
from core.actors import Actor
from core.errors import AlreadyExists
from core.refs import experiment_ref
from tracking.limits import (
    MAX_EXPERIMENT_TAG_VALUE,
    MAX_USERNAME,
    check_times,
    checked_experiment_name,
    checked_key,
    checked_text,
)
from tracking.models import Experiment, ExperimentTag, Lifecycle
from tracking.paths import SCHEME
from tracking.services.imports.records import OldExperiment


@transaction.atomic
def import_experiment(*, actor: Actor, old: OldExperiment, origin: str) -> Experiment:
    """Create an experiment with the times and state it had, under a new id and a new artifact folder; return it.

    Raises AlreadyExists (the name is taken), InvalidInput (name, tags, times).
    """
    checked_experiment_name(old.name)
    check_times(old.created_ms, old.updated_ms)
    tags = {
        checked_key(key, field="key"): checked_text(value, field="value", limit=MAX_EXPERIMENT_TAG_VALUE)
        for key, value in old.tags.items()
    }
    if Experiment.objects.filter(name=old.name).exists():
        raise AlreadyExists(f"Experiment(name={old.name}) already exists.")
    experiment = Experiment.objects.create(
        name=old.name,
        lifecycle_stage=Lifecycle(old.lifecycle),
        created_ms=old.created_ms,
        updated_ms=old.updated_ms,
        created_by=actor.name[:MAX_USERNAME],
    )
    experiment.artifact_location = f"{SCHEME}/{experiment.pk}"
    experiment.save(update_fields=["artifact_location"])
    ExperimentTag.objects.bulk_create([ExperimentTag(experiment=experiment, key=k, value=v) for k, v in tags.items()])
    record(
        actor=actor,
        action=Action.TRACKING_EXPERIMENT_IMPORTED,
        obj=experiment_ref(experiment.pk),
        after={"origin": origin, "name": old.name, "lifecycle_stage": old.lifecycle, "tags": tags},
    )
    return experiment
