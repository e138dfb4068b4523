"""Bringing over what another tracking server holds: rows with the ids, times and states they had there.

Only the import uses these services. Beyond the normal ones they accept an id and times of the past, and runs that are
deleted or finished; limits and characters are the same. Each records an event that names the server it came from, and the
lineage they add says "imported".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from django.db import transaction

from audit.actions import Action
from audit.services import record
from core.actors import Actor
from core.errors import AlreadyExists, InvalidInput
from core.refs import experiment_ref, logged_model_ref, run_ref
from lineage.services import IMPORTED, record_run
from tracking.limits import (
    MAX_EXPERIMENT_TAG_VALUE,
    MAX_RUN_NAME,
    Point,
    checked_experiment_name,
    checked_key,
    checked_model_name,
    checked_params,
    checked_points,
    checked_tags,
    checked_text,
)
from tracking.models import (
    Experiment,
    ExperimentTag,
    Lifecycle,
    LoggedModel,
    LoggedModelParam,
    LoggedModelStatus,
    LoggedModelTag,
    Metric,
    Param,
    Run,
    RunStatus,
    RunTag,
)
from tracking.paths import SCHEME
from tracking.provenance import record_dataset_input, record_run_facts
from tracking.services.inputs import DatasetInput, add_datasets, checked_datasets, link_models
from tracking.services.points import add_points, require_models
from tracking.services.runs import NAME_TAG, lock_run

_RUN_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,31}")
_MODEL_ID = re.compile(r"m-[0-9A-Za-z-]{1,38}")
_INT64 = 2**63
_LONGEST_USERNAME = 150


@dataclass(frozen=True, slots=True)
class OldExperiment:
    """An experiment as it was. Times are milliseconds since 1970."""

    name: str
    created_ms: int
    updated_ms: int
    lifecycle: str = Lifecycle.ACTIVE.value
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OldRun:
    """A run as it was, without its metrics and the logged models it read or made."""

    id: str
    name: str
    user_id: str
    status: str
    start_ms: int
    end_ms: int | None
    lifecycle: str = Lifecycle.ACTIVE.value
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    datasets: Sequence[DatasetInput] = ()


@dataclass(frozen=True, slots=True)
class OldLoggedModel:
    """A logged model as it was."""

    id: str
    name: str
    model_type: str
    source_run_id: str
    status: str
    created_ms: int
    updated_ms: int
    lifecycle: str = Lifecycle.ACTIVE.value
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


@transaction.atomic
def import_experiment(*, actor: Actor, old: OldExperiment, origin: str) -> Experiment:
    """Create an experiment as it was; its id and its artifact folder are ours. AlreadyExists: the name is taken."""
    checked_experiment_name(old.name)
    _check_times(old.created_ms, old.updated_ms)
    tags = {
        checked_key(key, what="key"): checked_text(value, what="value", limit=MAX_EXPERIMENT_TAG_VALUE)
        for key, value in old.tags.items()
    }
    if Experiment.objects.filter(name=old.name).exists():
        raise AlreadyExists(f"Experiment(name={old.name}) already exists.")
    found = Experiment.objects.create(
        name=old.name,
        lifecycle_stage=Lifecycle(old.lifecycle),
        created_ms=old.created_ms,
        updated_ms=old.updated_ms,
        created_by=actor.name[:_LONGEST_USERNAME],
    )
    found.artifact_location = f"{SCHEME}/{found.pk}"
    found.save(update_fields=["artifact_location"])
    ExperimentTag.objects.bulk_create([ExperimentTag(experiment=found, key=k, value=v) for k, v in tags.items()])
    record(
        actor=actor,
        action=Action.TRACKING_EXPERIMENT_IMPORTED,
        obj=experiment_ref(found.pk),
        after={"origin": origin, "name": old.name, "lifecycle_stage": old.lifecycle, "tags": tags},
    )
    return found


@transaction.atomic
def import_run(*, actor: Actor, experiment: Experiment, old: OldRun, origin: str) -> Run:
    """Create a run as it was, under its own id. AlreadyExists: there is a run of that id.

    Who made it is the user the old server names: somebody who is said to have made a run does not approve what came of it.
    """
    if not _RUN_ID.fullmatch(old.id):
        raise InvalidInput(f"{old.id[:100]!r} is no run id.")
    if old.end_ms is not None:
        _check_times(old.end_ms)
    _check_times(old.start_ms)
    params, tags, datasets = (
        checked_params([*old.params.items()]),
        checked_tags([*old.tags.items()]),
        checked_datasets(old.datasets),
    )
    name = checked_text(old.name, what="run_name", limit=MAX_RUN_NAME)
    if name:
        tags[NAME_TAG] = name
    if Run.objects.filter(pk=old.id).exists():
        raise AlreadyExists(f"Run(id={old.id}) already exists.")
    run = Run.objects.create(
        id=old.id,
        experiment=experiment,
        name=name,
        user_id=checked_text(old.user_id, what="user_id", limit=256),
        created_by=_author(old.user_id, actor)[:_LONGEST_USERNAME],
        status=RunStatus(old.status),
        start_ms=old.start_ms,
        end_ms=old.end_ms,
        lifecycle_stage=Lifecycle(old.lifecycle),
        artifact_uri=f"{experiment.artifact_location}/{old.id}/artifacts",
    )
    Param.objects.bulk_create([Param(run=run, key=key, value=value) for key, value in params.items()])
    RunTag.objects.bulk_create([RunTag(run=run, key=key, value=value) for key, value in tags.items()])
    used = add_datasets(run, datasets)
    _record_lineage(actor, run, params, tags, used, origin)
    record(
        actor=actor,
        action=Action.TRACKING_RUN_IMPORTED,
        obj=run_ref(run.pk),
        after={
            "origin": origin,
            "experiment": experiment.pk,
            "name": name,
            "user_id": old.user_id,
            "status": old.status,
            "start_ms": old.start_ms,
            "end_ms": old.end_ms,
            "lifecycle_stage": old.lifecycle,
            "params": params,
            "tags": tags,
            "datasets": [{"name": item.name, "digest": item.digest, "context": item.context} for item in used],
        },
    )
    return run


def _author(user_id: str, actor: Actor) -> str:
    """Return who made a run; MLflow's client writes "unknown" where nobody is named."""
    return actor.name if user_id in {"", "unknown"} else user_id


def _record_lineage(
    actor: Actor, run: Run, params: dict[str, str], tags: dict[str, str], used: list[DatasetInput], origin: str
) -> None:
    record_run(actor=actor, run_id=run.pk, name=run.name)
    record_run_facts(actor=actor, run=run, key_kind="param", values=params, mode=IMPORTED, origin=origin)
    record_run_facts(actor=actor, run=run, key_kind="tag", values=tags, mode=IMPORTED, origin=origin)
    for item in used:
        record_dataset_input(
            actor=actor, run=run, name=item.name, digest=item.digest, role=item.context, mode=IMPORTED, origin=origin
        )


@transaction.atomic
def import_points(*, actor: Actor, run_id: str, points: Sequence[Point], origin: str) -> int:
    """Add a part of a run's metric history and return how many values were new; the run may be deleted.

    An old server keeps a value that belongs to a logged model twice, once without the model: where the one with the model
    is here, the other is left out. The same points again change nothing.
    """
    wanted = checked_points(points)
    run = lock_run(run_id, actor=None, active=False)
    rows = Metric.objects.filter(run=run, key__in={point.key for point in wanted})
    held = set(rows.values_list("key", "step", "timestamp_ms", "value", "is_nan", "model_id"))
    of_models = {row[:-1] for row in held if row[-1]}
    new = [point for point in wanted if _is_new(point, held, of_models)]
    if not new:
        return 0
    require_models(new)
    add_points(run, new)
    record(
        actor=actor,
        action=Action.TRACKING_METRICS_IMPORTED,
        obj=run_ref(run.pk),
        after={"origin": origin, "metrics": len(new), "metric_keys": sorted({point.key for point in new})},
    )
    return len(new)


def _is_new(point: Point, held: AbstractSet[tuple[object, ...]], of_models: AbstractSet[tuple[object, ...]]) -> bool:
    value = (point.key, point.step, point.timestamp_ms, point.stored_value, point.is_nan)
    return (*value, point.model_id) not in held and (bool(point.model_id) or value not in of_models)


@transaction.atomic
def import_logged_model(*, actor: Actor, experiment: Experiment, old: OldLoggedModel, origin: str) -> LoggedModel:
    """Create a logged model as it was, under its own id. AlreadyExists: there is one of that id."""
    if not _MODEL_ID.fullmatch(old.id):
        raise InvalidInput(f"{old.id[:100]!r} is no id of a logged model.")
    _check_times(old.created_ms, old.updated_ms)
    params, tags = checked_params([*old.params.items()]), checked_tags([*old.tags.items()])
    if LoggedModel.objects.filter(pk=old.id).exists():
        raise AlreadyExists(f"Logged model(id={old.id}) already exists.")
    if old.source_run_id and not Run.objects.filter(pk=old.source_run_id).exists():
        raise InvalidInput(f"The run {old.source_run_id[:100]} that made it is not here.")
    model = LoggedModel.objects.create(
        id=old.id,
        experiment=experiment,
        name=checked_model_name(old.name),
        model_type=checked_text(old.model_type, what="model_type", limit=500),
        source_run_id=old.source_run_id or None,
        status=LoggedModelStatus(old.status),
        lifecycle_stage=Lifecycle(old.lifecycle),
        created_ms=old.created_ms,
        updated_ms=old.updated_ms,
        created_by=actor.name[:_LONGEST_USERNAME],
        artifact_uri=f"{experiment.artifact_location}/models/{old.id}/artifacts",
    )
    LoggedModelParam.objects.bulk_create([LoggedModelParam(model=model, key=k, value=v) for k, v in params.items()])
    LoggedModelTag.objects.bulk_create([LoggedModelTag(model=model, key=k, value=v) for k, v in tags.items()])
    record(
        actor=actor,
        action=Action.TRACKING_LOGGED_MODEL_IMPORTED,
        obj=logged_model_ref(model.pk),
        after={
            "origin": origin,
            "experiment": experiment.pk,
            "name": old.name,
            "source_run": old.source_run_id,
            "status": old.status,
            "lifecycle_stage": old.lifecycle,
            "params": params,
            "tags": tags,
        },
    )
    return model


@transaction.atomic
def import_run_models(
    *, actor: Actor, run_id: str, inputs: Sequence[str], outputs: Mapping[str, int], origin: str
) -> None:
    """Link the logged models a run read, and those it made at a step; the run may be deleted. NotFound: no such model."""
    if not inputs and not outputs:
        return
    run = lock_run(run_id, actor=None, active=False)
    read = link_models(run, "input", dict.fromkeys(inputs, 0))
    made = link_models(run, "output", outputs)
    record(
        actor=actor,
        action=Action.TRACKING_RUN_MODELS_IMPORTED,
        obj=run_ref(run.pk),
        after={"origin": origin, "inputs": read, "outputs": made},
    )


def _check_times(*times: int) -> None:
    if any(not 0 <= time < _INT64 for time in times):
        raise InvalidInput(f"{times[0]} is no time: milliseconds since 1970 in 63 bits are expected.")
