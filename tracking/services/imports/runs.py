"""Import of runs, their metric history, and their links to logged models."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from django.db import transaction

from audit.actions import Action
from audit.services import record
from core.actors import Actor
from core.errors import AlreadyExists, InvalidInput
from core.refs import run_ref
from lineage.services import IMPORTED, record_logged_model, record_model_inputs, record_run
from tracking.limits import (
    MAX_USERNAME,
    Point,
    check_times,
    checked_first_tags,
    checked_params,
    checked_points,
    checked_run_name,
    checked_text,
)
from tracking.models import Experiment, Lifecycle, Metric, Param, Run, RunStatus, RunTag
from tracking.provenance import record_dataset_inputs, record_run_facts
from tracking.services.imports.records import OldRun
from tracking.services.inputs import DatasetInput, add_datasets, checked_datasets, link_models
from tracking.services.metrics import add_points, require_models
from tracking.services.runs import NAME_TAG, lock_run

_RUN_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,31}")


@dataclass(frozen=True, slots=True)
class _Contents:
    """The contents of an imported run, within the limits."""

    params: dict[str, str]
    tags: dict[str, str]
    datasets: list[DatasetInput]


@transaction.atomic
def import_run(*, actor: Actor, experiment: Experiment, old: OldRun, origin: str) -> Run:
    """Create a run with the id, times and state it had; return it.

    Its creator is the user that the old server names: that user cannot approve a version made from the run.

    Raises AlreadyExists (a run has this id), InvalidInput (id, name, params, tags, datasets, times).
    """
    if not _RUN_ID.fullmatch(old.id):
        raise InvalidInput(f"{old.id[:100]!r} is not a run id.")
    check_times(old.start_ms, *([] if old.end_ms is None else [old.end_ms]))
    params, tags = checked_params([*old.params.items()]), checked_first_tags([*old.tags.items()])
    datasets = checked_datasets(old.datasets)
    name = checked_run_name(old.name)
    if name:
        tags[NAME_TAG] = name
    if Run.objects.filter(pk=old.id).exists():
        raise AlreadyExists(f"Run(id={old.id}) already exists.")
    run = _insert(actor, experiment, old)
    Param.objects.bulk_create([Param(run=run, key=key, value=value) for key, value in params.items()])
    RunTag.objects.bulk_create([RunTag(run=run, key=key, value=value) for key, value in tags.items()])
    contents = _Contents(params, tags, add_datasets(run, datasets))
    _record_lineage(actor, run, contents, origin)
    record(
        actor=actor,
        action=Action.TRACKING_RUN_IMPORTED,
        obj=run_ref(run.pk),
        after=_facts(old, run, contents) | {"origin": origin},
    )
    return run


def _insert(actor: Actor, experiment: Experiment, old: OldRun) -> Run:
    return Run.objects.create(
        id=old.id,
        experiment=experiment,
        name=old.name,
        user_id=checked_text(old.user_id, field="user_id", limit=256),
        created_by=_creator(old.user_id, actor)[:MAX_USERNAME],
        status=RunStatus(old.status),
        start_ms=old.start_ms,
        end_ms=old.end_ms,
        deleted_with_experiment=old.lifecycle == experiment.lifecycle_stage == Lifecycle.DELETED,
        lifecycle_stage=Lifecycle(old.lifecycle),
        artifact_uri=f"{experiment.artifact_location}/{old.id}/artifacts",
    )


def _creator(user_id: str, actor: Actor) -> str:
    """Return the creator of a run; MLflow's client writes "unknown" where nobody is named."""
    return actor.name if user_id in {"", "unknown"} else user_id


def _facts(old: OldRun, run: Run, contents: _Contents) -> dict[str, object]:
    return {
        "experiment": run.experiment_id,
        "name": run.name,
        "user_id": old.user_id,
        "status": old.status,
        "start_ms": old.start_ms,
        "end_ms": old.end_ms,
        "lifecycle_stage": old.lifecycle,
        "params": contents.params,
        "tags": contents.tags,
        "datasets": [{"name": item.name, "digest": item.digest, "context": item.context} for item in contents.datasets],
    }


def _record_lineage(actor: Actor, run: Run, contents: _Contents, origin: str) -> None:
    record_run(actor=actor, run_id=run.pk, name=run.name)
    record_run_facts(actor=actor, run=run, key_kind="param", values=contents.params, mode=IMPORTED, origin=origin)
    record_run_facts(actor=actor, run=run, key_kind="tag", values=contents.tags, mode=IMPORTED, origin=origin)
    inputs = [(item.name, item.digest, item.context) for item in contents.datasets]
    record_dataset_inputs(actor=actor, run=run, inputs=inputs, mode=IMPORTED, origin=origin)


@transaction.atomic
def import_points(*, actor: Actor, run_id: str, points: Sequence[Point], origin: str) -> int:
    """Add a part of a run's metric history and return how many values were new; the run may be deleted.

    Some servers store a value of a logged model twice, once without the model. Where the value with the model exists
    here, the one without it is left out. Importing the same values again changes nothing.

    Raises NotFound (run, logged model), InvalidInput (a value beyond a limit).
    """
    checked = checked_points(points)
    run = lock_run(run_id, actor=None, active=False)
    rows = Metric.objects.filter(run=run, key__in={point.key for point in checked})
    held = set(rows.values_list("key", "step", "timestamp_ms", "value", "is_nan", "model_id"))
    of_models = {row[:-1] for row in held if row[-1]}
    new = [point for point in checked if _is_new(point, held, of_models)]
    if not new:
        return 0
    require_models(None, new)
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
def import_run_models(
    *, actor: Actor, run_id: str, inputs: Sequence[str], outputs: Mapping[str, int], origin: str
) -> None:
    """Link the logged models that a run read, and those it made at a step; the run may be deleted.

    Raises NotFound (run, logged model), InvalidInput (too many).
    """
    if not inputs and not outputs:
        return
    run = lock_run(run_id, actor=None, active=False)
    read = link_models(run, "input", dict.fromkeys(inputs, 0), actor=None)
    linked = link_models(run, "output", outputs, actor=None)
    witness = f"{run_ref(run.pk)} of {origin}"
    record_model_inputs(actor=actor, run_id=run.pk, models=read, mode=IMPORTED, source=witness)
    for model_id in linked:
        record_logged_model(actor=actor, model_id=model_id, run_id=run.pk, mode=IMPORTED, source=witness)
    record(
        actor=actor,
        action=Action.TRACKING_RUN_MODELS_IMPORTED,
        obj=run_ref(run.pk),
        after={"origin": origin, "inputs": read, "outputs": linked},
    )
