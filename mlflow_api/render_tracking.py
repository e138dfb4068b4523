"""Tracking entities in the protocol's words. Empty lists and unset fields are left out, 64-bit integers are numbers."""

from __future__ import annotations

from collections.abc import Iterable

from tracking.models import Experiment, LoggedModel, Metric, MetricFields, Run, RunInput
from tracking.paths import key_of_uri
from tracking.queries import metric_value

Json = dict[str, object]


def filled(**fields: object) -> Json:
    """Return the fields that hold something; an empty text counts as something, None and an empty list do not."""
    return {name: value for name, value in fields.items() if value is not None and value != []}


def pairs(rows: Iterable[object]) -> list[Json]:
    """Return rows with key and value (params, tags) as the protocol's list, sorted by key."""
    found: list[Json] = [{"key": row.key, "value": row.value} for row in rows]  # type: ignore[attr-defined]  # see above
    return sorted(found, key=lambda pair: str(pair["key"]))


def experiment(found: Experiment) -> Json:
    return filled(
        experiment_id=str(found.pk),
        name=found.name,
        artifact_location=found.artifact_location,
        lifecycle_stage=found.lifecycle_stage,
        last_update_time=found.updated_ms,
        creation_time=found.created_ms,
        tags=pairs(found.tags.all()),
    )


def run_info(run: Run) -> Json:
    return filled(
        run_id=run.pk,
        run_uuid=run.pk,
        run_name=run.name,
        experiment_id=str(run.experiment_id),
        user_id=run.user_id,
        status=run.status,
        start_time=run.start_ms,
        end_time=run.end_ms,
        artifact_uri=run.artifact_uri,
        lifecycle_stage=run.lifecycle_stage,
    )


def run(found: Run) -> Json:
    """Return a run with everything in it; load it with `queries.load_runs` first."""
    links = sorted(found.model_links.all(), key=lambda link: link.pk)
    outputs: list[Json] = [
        {"model_id": link.model_id, "step": link.step} for link in links if link.direction == "output"
    ]
    inputs: list[Json] = [{"model_id": link.model_id} for link in links if link.direction == "input"]
    uses = sorted(found.dataset_inputs.all(), key=lambda used: used.pk)
    latest = sorted(found.latest_metrics.all(), key=lambda one: one.key)
    return filled(
        info=run_info(found),
        data=filled(
            metrics=[metric(one) for one in latest],
            params=pairs(found.params.all()),
            tags=pairs(found.tags.all()),
        ),
        inputs=filled(dataset_inputs=[dataset_input(used) for used in uses], model_inputs=inputs),
        outputs=filled(model_outputs=outputs),
    )


def metric(one: MetricFields, *, run_id: str = "") -> Json:
    """Return a metric's value; NaN is the text "NaN", for JSON has no number for it."""
    return filled(
        key=one.key,
        value="NaN" if one.is_nan else metric_value(one),
        timestamp=one.timestamp_ms,
        step=one.step,
        model_id=one.model_id or None,
        dataset_name=one.dataset_name or None,
        dataset_digest=one.dataset_digest or None,
        run_id=run_id or None,
    )


def dataset_input(used: RunInput) -> Json:
    dataset = used.dataset
    return filled(
        tags=[{"key": key, "value": value} for key, value in sorted(used.tags.items())],
        dataset=filled(
            name=dataset.name,
            digest=dataset.digest,
            source_type=dataset.source_type,
            source=dataset.source,
            schema=dataset.schema or None,
            profile=dataset.profile or None,
        ),
    )


def logged_model(model: LoggedModel, metrics: Iterable[Metric]) -> Json:
    """Return a logged model; ``metrics`` are those that name it."""
    return filled(
        info=filled(
            model_id=model.pk,
            experiment_id=str(model.experiment_id),
            name=model.name,
            creation_timestamp_ms=model.created_ms,
            last_updated_timestamp_ms=model.updated_ms,
            artifact_uri=model.artifact_uri,
            status=model.status,
            model_type=model.model_type,
            source_run_id=model.source_run_id or "",
            tags=pairs(model.tags.all()),
        ),
        data=filled(
            params=pairs(model.params.all()),
            metrics=[metric(one, run_id=one.run_id) for one in metrics],
        ),
    )


def files(listing: Iterable[tuple[str, bool, int]], *, root: str) -> list[Json]:
    """Return a folder's listing with paths relative to ``root``."""
    cut = len(root) + 1 if root else 0
    return [
        filled(path=path[cut:], is_dir=is_dir, file_size=None if is_dir else size) for path, is_dir, size in listing
    ]


def root_of(artifact_uri: str) -> str:
    """Return the key of the folder an artifact URI of this server names."""
    return key_of_uri(artifact_uri)
