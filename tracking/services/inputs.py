"""Inputs and outputs of a run: the datasets it read, and the logged models it read or made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.db import transaction

from audit.actions import Action
from audit.services import record
from core.actors import Actor
from core.errors import InvalidInput, NotFound
from core.refs import run_ref
from lineage.services import record_logged_model, record_model_inputs
from tracking.full_runs import USE_COLUMNS
from tracking.limits import MAX_DATASETS, MAX_SOURCE_TYPE, Pair, checked_text
from tracking.models import Dataset, LoggedModel, Run, RunInput, RunModel
from tracking.permissions.runs import Change, logged_model_not_found, require_logged_model, require_readable_model
from tracking.provenance import record_dataset_inputs
from tracking.services.runs import lock_run

CONTEXT_TAG = "mlflow.data.context"


@dataclass(frozen=True, slots=True)
class DatasetInput:
    """A dataset as a client logs it; name and digest identify it."""

    name: str
    digest: str
    source_type: str
    source: str
    schema: str = ""
    profile: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def context(self) -> str:
        """Return the purpose of the input: training, validation, …"""
        return self.tags.get(CONTEXT_TAG, "")


def checked_datasets(inputs: Sequence[DatasetInput]) -> list[DatasetInput]:
    """Return the inputs in their order, the first of each name, digest and context.

    Raises InvalidInput for a missing name or digest, and beyond a limit.
    """
    if len(inputs) > MAX_DATASETS:
        raise InvalidInput(f"A request can contain at most {MAX_DATASETS} datasets. Got {len(inputs)}.")
    checked: dict[tuple[str, str, str], DatasetInput] = {}
    for number, item in enumerate(inputs):
        where = f"datasets[{number}]"
        if not item.name or not item.digest:
            raise InvalidInput(f"Missing value for required parameter '{where}.dataset.name' or its digest.")
        checked_text(item.name, field="name", limit=500, where=where)
        checked_text(item.digest, field="digest", limit=36, where=where)
        checked_text(item.source_type, field="source_type", limit=MAX_SOURCE_TYPE, where=where)
        checked_text(item.source, field="source", limit=65_535, where=where)
        checked_text(item.schema, field="schema", limit=1_048_575, where=where)
        checked_text(item.profile, field="profile", limit=16_777_215, where=where)
        for key, value in item.tags.items():
            checked_text(key, field="key", limit=255, where=where)
            checked_text(value, field="value", limit=500, where=where)
        checked.setdefault((item.name, item.digest, item.context), item)
    return list(checked.values())


@transaction.atomic
def log_inputs(*, actor: Actor, run_id: str, datasets: Sequence[DatasetInput] = (), models: Sequence[str] = ()) -> None:
    """Record the datasets and logged models a run read. Inputs that were logged before stay as they are.

    Raises InvalidInput, NotFound.
    """
    checked = checked_datasets(datasets)
    run = lock_run(run_id, actor=actor, action=Action.TRACKING_INPUTS_LOGGED)
    if not checked and not models:
        return
    new = add_datasets(run, checked)
    record_dataset_inputs(actor=actor, run=run, inputs=[(item.name, item.digest, item.context) for item in new])
    linked = link_models(run, "input", dict.fromkeys(models, 0), actor=actor)
    record_model_inputs(actor=actor, run_id=run.pk, models=linked)
    record(
        actor=actor,
        action=Action.TRACKING_INPUTS_LOGGED,
        obj=run_ref(run.pk),
        after={
            "datasets": [{"name": item.name, "digest": item.digest, "context": item.context} for item in new],
            "models": linked,
        },
    )


def add_datasets(run: Run, inputs: Sequence[DatasetInput]) -> list[DatasetInput]:
    """Insert the inputs that are new, and their datasets, in a fixed number of statements; return the new inputs.

    A dataset keeps the source, schema and profile that the first run gave it. Other values of a later run are stored
    with the input of that run.
    """
    if not inputs:
        return []
    ids = _dataset_ids(run, inputs)
    before = set(RunInput.objects.filter(run=run).values_list("dataset_id", "context"))
    new = [item for item in inputs if (ids[item.name, item.digest].pk, item.context) not in before]
    RunInput.objects.bulk_create([_use(run, ids[item.name, item.digest], item) for item in new])
    return new


def _dataset_ids(run: Run, inputs: Sequence[DatasetInput]) -> dict[Pair, Dataset]:
    """Return the dataset of each name and digest. New ones are inserted in sorted order, to avoid deadlocks."""
    first = {(item.name, item.digest): item for item in reversed(inputs)}
    rows = [
        Dataset(
            experiment=run.experiment,
            name=item.name,
            digest=item.digest,
            source_type=item.source_type,
            source=item.source,
            schema=item.schema,
            profile=item.profile,
        )
        for _, item in sorted(first.items(), key=lambda pair: pair[0])
    ]
    Dataset.objects.bulk_create(rows, ignore_conflicts=True)
    names, digests = {name for name, _ in first}, {digest for _, digest in first}
    existing = Dataset.objects.filter(experiment=run.experiment, name__in=names, digest__in=digests)
    return {(row.name, row.digest): row for row in existing}


def _use(run: Run, dataset: Dataset, item: DatasetInput) -> RunInput:
    """Return the input row of a run, with the values of the run that differ from those of the dataset."""
    use = {name: getattr(item, name) for name in USE_COLUMNS if getattr(item, name) != getattr(dataset, name)}
    return RunInput(run=run, dataset=dataset, context=item.context, tags=dict(item.tags), **use)


@transaction.atomic
def log_outputs(*, actor: Actor, run_id: str, models: Sequence[tuple[str, int]]) -> None:
    """Record the logged models a run made, each at a step. Raises InvalidInput, NotFound."""
    run = lock_run(run_id, actor=actor, action=Action.TRACKING_OUTPUTS_LOGGED, change=Change.STATUS)
    if not models:
        return
    linked = link_models(run, "output", dict(models), actor=actor)
    for model_id in linked:
        record_logged_model(actor=actor, model_id=model_id, run_id=run.pk)
    record(
        actor=actor,
        action=Action.TRACKING_OUTPUTS_LOGGED,
        obj=run_ref(run.pk),
        after={"models": linked, "steps": sorted({step for _, step in models})},
    )


def link_models(run: Run, direction: str, steps: Mapping[str, int], *, actor: Actor | None) -> list[str]:
    """Link logged models to a run and return their ids.

    ``actor`` None is an import, on behalf of others. Raises NotFound (no such model, or the actor may not see it),
    Denied (an output that the actor may not change), InvalidInput (too many).
    """
    if len(steps) > MAX_DATASETS:
        raise InvalidInput(f"A request can contain at most {MAX_DATASETS} models. Got {len(steps)}.")
    models_by_id = {model.pk: model for model in LoggedModel.objects.filter(pk__in=steps.keys())}
    for model_id in sorted(steps):
        if model_id not in models_by_id:
            raise NotFound(logged_model_not_found(model_id))
        if actor is not None:
            _require_link(actor, models_by_id[model_id], direction)
    RunModel.objects.bulk_create(
        [RunModel(run=run, model_id=model_id, direction=direction, step=step) for model_id, step in steps.items()],
        ignore_conflicts=True,
    )
    return sorted(steps)


def _require_link(actor: Actor, model: LoggedModel, direction: str) -> None:
    if direction == "output":
        require_logged_model(actor, model, Change.STATUS, Action.TRACKING_OUTPUTS_LOGGED)
    else:
        require_readable_model(actor, model)
