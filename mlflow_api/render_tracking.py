"""Tracking entities as JSON of the MLflow protocol. Empty lists and unset fields are omitted; integers are numbers."""

from __future__ import annotations

from collections.abc import Iterable

from tracking.full_runs import DatasetUse, FullRun, Value
from tracking.models import Experiment, LoggedModel, Metric, MetricFields, Run
from tracking.paths import key_of_uri

Json = dict[str, object]


def filled(**fields: object) -> Json:
    """Return the fields without those that are None or an empty list. An empty text stays."""
    return {name: value for name, value in fields.items() if value is not None and value != []}


def pairs(rows: Iterable[object]) -> list[Json]:
    """Return rows with key and value (params, tags) as the protocol's list, sorted by key."""
    entries: list[Json] = [{"key": row.key, "value": row.value} for row in rows]  # type: ignore[attr-defined]  # see above
    return sorted(entries, key=lambda pair: str(pair["key"]))


def experiment(row: Experiment) -> Json:
    """Return an experiment with its tags; times are milliseconds since 1970."""
    return filled(
        experiment_id=str(row.pk),
        name=row.name,
        artifact_location=row.artifact_location,
        lifecycle_stage=row.lifecycle_stage,
        last_update_time=row.updated_ms,
        creation_time=row.created_ms,
        tags=pairs(row.tags.all()),
    )


def run_info(run: Run | FullRun) -> Json:
    """Return the `info` part of a run; times are milliseconds since 1970. A run without an end has no `end_time`."""
    body: Json = {
        "run_id": run.id,
        "run_uuid": run.id,
        "run_name": run.name,
        "experiment_id": str(run.experiment_id),
        "user_id": run.user_id,
        "status": run.status,
        "start_time": run.start_ms,
        "artifact_uri": run.artifact_uri,
        "lifecycle_stage": run.lifecycle_stage,
    }
    return body if run.end_ms is None else {**body, "end_time": run.end_ms}


def run(full_run: FullRun) -> Json:
    """Return a run with everything in it."""
    data = filled(
        metrics=[metric(value) for value in sorted(full_run.metrics)],
        params=[{"key": key, "value": value} for key, value in sorted(full_run.params)],
        tags=[{"key": key, "value": value} for key, value in sorted(full_run.tags)],
    )
    return {"info": run_info(full_run), "data": data, "inputs": _inputs(full_run), "outputs": _outputs(full_run)}


def _inputs(full_run: FullRun) -> Json:
    if not (full_run.inputs or full_run.models):
        return {}
    models: list[Json] = [{"model_id": pk} for pk, direction, _ in full_run.models if direction == "input"]
    return filled(dataset_inputs=[dataset_input(use) for use in full_run.inputs], model_inputs=models)


def _outputs(full_run: FullRun) -> Json:
    models: list[Json] = [
        {"model_id": pk, "step": step} for pk, direction, step in full_run.models if direction == "output"
    ]
    return filled(model_outputs=models)


def metric(row: MetricFields | Value, *, run_id: str = "") -> Json:
    """Return one value of a metric. NaN is the text "NaN", because JSON has no number for it.

    Empty fields are omitted.
    """
    body: Json = {
        "key": row.key,
        "value": "NaN" if row.is_nan else row.value,
        "timestamp": row.timestamp_ms,
        "step": row.step,
    }
    if row.model_id or row.dataset_name or row.dataset_digest or run_id:
        names = (("model_id", row.model_id), ("dataset_name", row.dataset_name), ("dataset_digest", row.dataset_digest))
        body |= {name: value for name, value in (*names, ("run_id", run_id)) if value}
    return body


def dataset_input(use: DatasetUse) -> Json:
    """Return a dataset that a run read, with the tags of the input."""
    return filled(
        tags=[{"key": key, "value": value} for key, value in sorted(use.tags.items())],
        dataset=filled(
            name=use.name,
            digest=use.digest,
            source_type=use.source_type,
            source=use.source,
            schema=use.schema or None,
            profile=use.profile or None,
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
            metrics=[metric(row, run_id=row.run_id) for row in metrics],
        ),
    )


def files(listing: Iterable[tuple[str, bool, int]], *, root: str) -> list[Json]:
    """Return a folder's listing with paths relative to ``root``."""
    cut = len(root) + 1 if root else 0
    return [
        filled(path=path[cut:], is_dir=is_dir, file_size=None if is_dir else size) for path, is_dir, size in listing
    ]


def root_of(artifact_uri: str) -> str:
    """Return the key of the folder an artifact URI of this server names. Raises InvalidInput."""
    return key_of_uri(artifact_uri)
