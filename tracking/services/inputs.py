"""What a run read and what it made: datasets, and logged models on either side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.db import transaction

from audit.actions import Action
from audit.services import record
from core.actors import Actor
from core.errors import InvalidInput, NotFound
from core.refs import run_ref
from tracking.limits import MAX_DATASETS, Pair, checked_text
from tracking.models import Dataset, LoggedModel, Run, RunInput, RunModel
from tracking.provenance import record_dataset_input
from tracking.services.runs import lock_run

CONTEXT_TAG = "mlflow.data.context"


@dataclass(frozen=True, slots=True)
class DatasetInput:
    """A dataset as a client logs it; name and digest say which one it is."""

    name: str
    digest: str
    source_type: str
    source: str
    schema: str = ""
    profile: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def context(self) -> str:
        """Return what it was read for: training, validation, …"""
        return self.tags.get(CONTEXT_TAG, "")


def checked_datasets(inputs: Sequence[DatasetInput]) -> dict[Pair, DatasetInput]:
    """Return the inputs by name and digest, the first of each; InvalidInput beyond a limit."""
    if len(inputs) > MAX_DATASETS:
        raise InvalidInput(f"A request can contain at most {MAX_DATASETS} datasets. Got {len(inputs)}.")
    found: dict[Pair, DatasetInput] = {}
    for number, item in enumerate(inputs):
        where = f"datasets[{number}]"
        if not item.name or not item.digest:
            raise InvalidInput(f"Missing value for required parameter '{where}.dataset.name' or its digest.")
        checked_text(item.name, what="name", limit=500, where=where)
        checked_text(item.digest, what="digest", limit=36, where=where)
        checked_text(item.source_type, what="source_type", limit=36, where=where)
        checked_text(item.source, what="source", limit=65_535, where=where)
        checked_text(item.schema, what="schema", limit=1_048_575, where=where)
        checked_text(item.profile, what="profile", limit=16_777_215, where=where)
        for key, value in item.tags.items():
            checked_text(key, what="key", limit=255, where=where)
            checked_text(value, what="value", limit=500, where=where)
        found.setdefault((item.name, item.digest), item)
    return dict(sorted(found.items()))  # everybody inserts in one order, so nobody deadlocks


@transaction.atomic
def log_inputs(*, actor: Actor, run_id: str, datasets: Sequence[DatasetInput] = (), models: Sequence[str] = ()) -> None:
    """Record the datasets and logged models a run read. What it has named before stays as it was."""
    wanted = checked_datasets(datasets)
    run = lock_run(run_id, actor=actor)
    if not wanted and not models:
        return
    used = add_datasets(run, wanted)
    for item in used:
        record_dataset_input(actor=actor, run=run, name=item.name, digest=item.digest, role=item.context)
    linked = link_models(run, "input", dict.fromkeys(models, 0))
    record(
        actor=actor,
        action=Action.TRACKING_INPUTS_LOGGED,
        obj=run_ref(run.pk),
        after={
            "datasets": [{"name": item.name, "digest": item.digest, "context": item.context} for item in used],
            "models": linked,
        },
    )


def add_datasets(run: Run, wanted: Mapping[Pair, DatasetInput]) -> list[DatasetInput]:
    """Insert datasets and uses that are new, in a fixed number of statements; return the inputs newly used."""
    if not wanted:
        return []
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
        for item in wanted.values()
    ]
    Dataset.objects.bulk_create(rows, ignore_conflicts=True)
    names = {name for name, _ in wanted}
    digests = {digest for _, digest in wanted}
    known = Dataset.objects.filter(experiment=run.experiment, name__in=names, digest__in=digests)
    ids = {(row.name, row.digest): row.pk for row in known.only("name", "digest")}
    before = set(RunInput.objects.filter(run=run).values_list("dataset_id", flat=True))
    new = [(key, item) for key, item in wanted.items() if ids[key] not in before]
    RunInput.objects.bulk_create(
        [RunInput(run=run, dataset_id=ids[key], context=item.context, tags=dict(item.tags)) for key, item in new]
    )
    return [item for _, item in new]


@transaction.atomic
def log_outputs(*, actor: Actor, run_id: str, models: Sequence[tuple[str, int]]) -> None:
    """Record the logged models a run made, each at a step."""
    run = lock_run(run_id, actor=actor)
    if not models:
        return
    linked = link_models(run, "output", dict(models))
    record(
        actor=actor,
        action=Action.TRACKING_OUTPUTS_LOGGED,
        obj=run_ref(run.pk),
        after={"models": linked, "steps": sorted({step for _, step in models})},
    )


def link_models(run: Run, direction: str, steps: Mapping[str, int]) -> list[str]:
    """Link logged models to a run; NotFound where there is no such model. Return their ids."""
    if len(steps) > MAX_DATASETS:
        raise InvalidInput(f"A request can contain at most {MAX_DATASETS} models. Got {len(steps)}.")
    known = set(LoggedModel.objects.filter(pk__in=steps.keys()).values_list("pk", flat=True))
    if missing := sorted(steps.keys() - known):
        raise NotFound(f"Logged model with ID '{missing[0][:100]}' not found.")
    RunModel.objects.bulk_create(
        [RunModel(run=run, model_id=model_id, direction=direction, step=step) for model_id, step in steps.items()],
        ignore_conflicts=True,
    )
    return sorted(steps)
