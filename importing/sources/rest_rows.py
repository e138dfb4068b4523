"""Conversion of the JSON of MLflow's REST API to the items that are imported."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Any

from importing.sources.base import (
    SourceLoggedModel,
    SourceRun,
    SourceVersion,
)
from registry.services.imports import ImportedVersion
from tracking.limits import Point
from tracking.services.imports.records import OldLoggedModel, OldRun
from tracking.services.inputs import DatasetInput

Json = Mapping[str, Any]


def run_of(item: Json) -> SourceRun:
    """Return a run with the keys of its metrics. Raises KeyError where the JSON has no info."""
    info, data = item["info"], item.get("data", {})
    inputs = item.get("inputs", {})
    tags = pairs_of(data.get("tags"))
    end = info.get("end_time")
    return SourceRun(
        old=OldRun(
            id=text_of(info, "run_id") or text_of(info, "run_uuid"),
            name=text_of(info, "run_name") or tags.get("mlflow.runName", ""),
            user_id=text_of(info, "user_id"),
            status=text_of(info, "status") or "RUNNING",
            start_ms=integer_of(info, "start_time"),
            end_ms=None if end is None else int(end),
            lifecycle=text_of(info, "lifecycle_stage") or "active",
            params=pairs_of(data.get("params")),
            tags=tags,
            datasets=[dataset_of(used) for used in inputs.get("dataset_inputs", ())],
        ),
        artifact_uri=text_of(info, "artifact_uri"),
        metric_keys=[text_of(metric, "key") for metric in data.get("metrics", ())],
    )


def dataset_of(used: Json) -> DatasetInput:
    """Return a dataset that a run used."""
    item = used.get("dataset", {})
    return DatasetInput(
        name=text_of(item, "name"),
        digest=text_of(item, "digest"),
        source_type=text_of(item, "source_type"),
        source=text_of(item, "source"),
        schema=text_of(item, "schema"),
        profile=text_of(item, "profile"),
        tags=pairs_of(used.get("tags")),
    )


def logged_model_of(item: Json) -> SourceLoggedModel:
    """Return a logged model with its metric values by run. Raises KeyError where the JSON has no info."""
    info, data = item["info"], item.get("data", {})
    points = sorted(data.get("metrics", ()), key=lambda metric: text_of(metric, "run_id"))
    model_id = text_of(info, "model_id")
    return SourceLoggedModel(
        old=OldLoggedModel(
            id=model_id,
            name=text_of(info, "name"),
            model_type=text_of(info, "model_type"),
            source_run_id=text_of(info, "source_run_id"),
            status=text_of(info, "status") or "LOGGED_MODEL_STATUS_UNSPECIFIED",
            created_ms=integer_of(info, "creation_timestamp_ms"),
            updated_ms=integer_of(info, "last_updated_timestamp_ms"),
            params=pairs_of(data.get("params")),
            tags=pairs_of(info.get("tags")),
        ),
        artifact_uri=text_of(info, "artifact_uri"),
        points={
            run_id: [point_of(metric, text_of(metric, "key"), model_id) for metric in run_metrics]
            for run_id, run_metrics in groupby(points, key=lambda metric: text_of(metric, "run_id"))
        },
    )


def point_of(item: Json, key: str, model_id: str = "") -> Point:
    """Return one value of a metric."""
    return Point(
        key=key,
        value=float(item.get("value", 0.0)),  # protobuf writes "NaN" as a text
        timestamp_ms=integer_of(item, "timestamp"),
        step=integer_of(item, "step"),
        model_id=model_id,
        dataset_name=text_of(item, "dataset_name"),
        dataset_digest=text_of(item, "dataset_digest"),
    )


def version_of(item: Json) -> SourceVersion:
    """Return a version of a registered model with its stage."""
    created = integer_of(item, "creation_timestamp")
    return SourceVersion(
        old=ImportedVersion(
            name=text_of(item, "name"),
            version=integer_of(item, "version"),
            source=text_of(item, "source"),
            run_id=text_of(item, "run_id"),
            description=text_of(item, "description"),
            run_link=text_of(item, "run_link"),
            user_id=text_of(item, "user_id"),
            created_ms=created,
            updated_ms=integer_of(item, "last_updated_timestamp", created),
            tags=pairs_of(item.get("tags")),
        ),
        stage=text_of(item, "current_stage") or "None",
    )


def text_of(item: Json, key: str) -> str:
    """Return the text under a key, "" where it is missing."""
    return str(item.get(key) or "")


def integer_of(item: Json, key: str, default: int = 0) -> int:
    """Return the integer under a key, ``default`` where it is missing."""
    return int(item.get(key) or default)


def pairs_of(items: list[Json] | None) -> dict[str, str]:
    """Return a list of keys and values as a mapping."""
    return {text_of(item, "key"): text_of(item, "value") for item in items or ()}
