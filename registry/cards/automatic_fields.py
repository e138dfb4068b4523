"""Automatic fields of a card, read from the run and the model's files.

They are written with the first revision and updated with every later one, because a run may log more after its model
was registered. Nobody edits them.
"""

from __future__ import annotations

from collections.abc import Mapping

from core.canonical import plain
from core.refs import artifact_ref, dataset_version_ref, logged_model_ref, run_ref
from registry.cards.fields import AUTO_KEYS, HUMAN_KEYS
from registry.cards.values import Body, Entry
from registry.environment import read_environment
from registry.mlmodel import read_mlmodel
from registry.models import ModelVersion
from tracking.models import Metric, MetricFields, RunInput
from tracking.queries import RunFacts, metric_value, model_metrics, run_facts

MAX_ENTRIES = 300
_LONG_VALUE = 500


def first_body(version: ModelVersion) -> Body:
    """Return the body of a version's first card: automatic fields from its run, human fields empty."""
    empty: Body = {key: Entry(value="", source="human", pointer="") for key in HUMAN_KEYS}
    return {**empty, **measured_body(version)}


def measured_body(version: ModelVersion) -> Body:
    """Return the automatic fields of a version's card as they are now."""
    facts = run_facts(version.run_id) if version.run_id else None
    automatic = {**_from_run(facts, version), **_from_files(version)}
    return {key: _plain(automatic[key]) for key in AUTO_KEYS}


def _plain(entry: Entry) -> Entry:
    return Entry(value=plain(entry["value"], shorten=False), source=entry["source"], pointer=entry["pointer"])


def _auto(value: object, pointer: str) -> Entry:
    return Entry(value=value, source="auto", pointer=pointer if value else "")


def _from_run(facts: RunFacts | None, version: ModelVersion) -> Body:
    if facts is None:
        return {key: _auto("", "") for key in ("training", "data", "metrics", "evaluation", "parameters", "code")}
    run, tags, run_pointer = facts.run, facts.tags, run_ref(facts.run.id)
    of_model = model_metrics(version.logged_model_id) if version.logged_model_id else []
    metrics = facts.metrics or {metric.key: metric_value(metric) for metric in of_model}
    metrics_pointer = run_pointer if facts.metrics else logged_model_ref(version.logged_model_id)
    training = {
        "run_id": run.id,
        "name": run.name,
        "author": run.created_by,
        "status": run.status,
        "started_ms": run.start_ms,
        "ended_ms": run.end_ms,
    }
    code = {
        "commit": tags.get("git_commit") or tags.get("mlflow.source.git.commit", ""),
        "repository": tags.get("mlflow.source.git.repoURL", ""),
        "entry_point": tags.get("mlflow.source.name", ""),
        "triggered_by": tags.get("triggered_by", ""),
    }
    return {
        "training": _auto(training, run_pointer),
        "data": _auto(_datasets(facts), run_pointer),
        "metrics": _auto(_cut(metrics), metrics_pointer),
        "evaluation": _auto(_measured(facts, of_model), run_pointer),
        "parameters": _auto(_cut(facts.params), run_pointer),
        "code": _auto({key: value for key, value in code.items() if value}, run_pointer),
    }


def _measured(facts: RunFacts, of_model: list[Metric]) -> list[dict[str, object]]:
    """Return the measured metrics by key, a row for each metric and dataset.

    A metric that was logged for the model and for its run is one measurement: the row of the model, which names the
    dataset, is returned.
    """
    rows = {(metric.key, metric.dataset_name, metric.dataset_digest): metric for metric in of_model}
    metric_keys = {metric.key for metric in of_model}
    latest: list[MetricFields] = sorted(facts.run.latest_metrics.all(), key=lambda metric: metric.key)
    metrics = [*rows.values(), *(metric for metric in latest if metric.key not in metric_keys)]
    metrics.sort(key=lambda metric: (metric.key, metric.dataset_name, metric.dataset_digest))
    return [_measurement(metric) for metric in metrics[:MAX_ENTRIES]]


def _measurement(metric: MetricFields) -> dict[str, object]:
    row = {"metric": metric.key, "value": metric_value(metric)}
    dataset = {"dataset": metric.dataset_name, "dataset_digest": metric.dataset_digest}
    return {**row, **{key: value for key, value in dataset.items() if value}}


def _datasets(facts: RunFacts) -> list[dict[str, object]]:
    """Return the datasets that a run read: those it logged as inputs, and the one its tag names."""
    logged = [_dataset(used) for used in facts.datasets[:MAX_ENTRIES]]
    tag = facts.tags.get("dataset_version")
    tagged: list[dict[str, object]] = [{"name": tag, "role": "tag dataset_version"}] if tag else []
    return [*logged, *tagged]


def _dataset(used: RunInput) -> dict[str, object]:
    return {
        "name": used.dataset.name,
        "digest": used.dataset.digest,
        "role": used.context,
        "source_type": used.dataset.source_type,
        "node": dataset_version_ref(used.dataset.name, used.dataset.digest),
    }


def _from_files(version: ModelVersion) -> Body:
    """Return the fields read from the model's folder: its digest, and an MLflow model's signature and environment."""
    artifact = _auto(version.artifact_digest, artifact_ref(version.artifact_path))
    path = f"{version.artifact_path}/MLmodel"
    mlmodel = read_mlmodel(path) if version.artifact_path else None
    if mlmodel is None:
        return {key: _auto("", "") for key in ("signature", "framework", "environment")} | {"artifact": artifact}
    pointer = artifact_ref(path)
    return {
        "artifact": artifact,
        "signature": _auto(mlmodel.signature, pointer),
        "framework": _auto(mlmodel.framework, pointer),
        "environment": _auto(read_environment(version.artifact_path), artifact_ref(version.artifact_path)),
    }


def _cut(values: Mapping[str, object]) -> dict[str, object]:
    """Return at most MAX_ENTRIES values, long ones shortened. The run that the pointer names has all of them whole."""
    first = {key: _short(value) for key, value in sorted(values.items())[:MAX_ENTRIES]}
    return first if len(values) <= MAX_ENTRIES else {**first, "…": f"{len(values) - MAX_ENTRIES} more in the run"}


def _short(value: object) -> object:
    return f"{value[:_LONG_VALUE]}…" if isinstance(value, str) and len(value) > _LONG_VALUE else value
