"""Conversion of the JSON and the database rows of an MLflow server to the traces and assessments that are imported."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from core.times import to_ms
from importing.sources.base import SourceTrace
from traces.models import AssessmentKind, SourceType, TraceState
from traces.services.assessments import AssessmentData
from traces.services.infos import TraceInfo

Json = Mapping[str, Any]
_LOCATION_TAG = "mlflow.artifactLocation"


def trace_of_json(item: Json) -> SourceTrace:
    """Return a trace of the answer to `traces/search`. Raises KeyError or ValueError for invalid JSON."""
    experiment_id = item["trace_location"]["mlflow_experiment"]["experiment_id"]
    duration = str(item.get("execution_duration") or "").removesuffix("s")
    tags = {str(key): str(value) for key, value in (item.get("tags") or {}).items()}
    info = TraceInfo(
        trace_id=str(item["trace_id"]),
        experiment_id=str(experiment_id),
        request_ms=_moment(item["request_time"]),
        state=_state(item.get("state")),
        duration_ms=round(float(duration) * 1000) if duration else None,
        request_preview=item.get("request_preview"),
        response_preview=item.get("response_preview"),
        client_request_id=item.get("client_request_id"),
        metadata={str(key): str(value) for key, value in (item.get("trace_metadata") or {}).items()},
        tags=tags,
        assessments=tuple(_assessment_of_json(assessment) for assessment in item.get("assessments") or ()),
    )
    return SourceTrace(info, tags.get(_LOCATION_TAG, ""))


def _moment(text: str) -> int:
    return to_ms(datetime.fromisoformat(text))


def _state(value: object) -> str:
    return str(value) if value in set(TraceState) else TraceState.UNSPECIFIED.value


def _source_type(value: object) -> str:
    return str(value) if value in set(SourceType) else SourceType.UNSPECIFIED.value


def _assessment_of_json(item: Json) -> AssessmentData:
    kind = AssessmentKind.EXPECTATION if "expectation" in item else AssessmentKind.FEEDBACK
    content = item.get(kind.value) or {}
    serialized = content.get("serialized_value")
    source = item.get("source") or {}
    return AssessmentData(
        kind=kind,
        name=str(item.get("assessment_name") or ""),
        value=json.loads(serialized["value"]) if serialized else content.get("value"),
        error={key: str(value) for key, value in content["error"].items()} if content.get("error") else None,
        is_serialized=bool(serialized),
        source_type=_source_type(source.get("source_type")),
        source_id=str(source.get("source_id") or ""),
        rationale=item.get("rationale"),
        metadata={str(key): str(value) for key, value in (item.get("metadata") or {}).items()},
        span_id=str(item.get("span_id") or ""),
        overrides=str(item.get("overrides") or ""),
        valid=item.get("valid") is not False,
        created_ms=_moment(item["create_time"]) if item.get("create_time") else None,
        updated_ms=_moment(item["last_update_time"]) if item.get("last_update_time") else None,
        assessment_id=str(item.get("assessment_id") or ""),
    )


def trace_of_row(
    row: Json, tags: Mapping[str, str], metadata: Mapping[str, str], assessments: list[AssessmentData]
) -> SourceTrace:
    """Return a trace of the table `trace_info`."""
    info = TraceInfo(
        trace_id=str(row["request_id"]),
        experiment_id=str(row["experiment_id"]),
        request_ms=int(row["timestamp_ms"]),
        state=_state(row["status"]),
        duration_ms=row.get("execution_time_ms"),
        request_preview=row.get("request_preview"),
        response_preview=row.get("response_preview"),
        client_request_id=row.get("client_request_id"),
        metadata=metadata,
        tags=tags,
        assessments=tuple(assessments),
    )
    return SourceTrace(info, tags.get(_LOCATION_TAG, ""))


def assessment_of_row(row: Json) -> AssessmentData:
    """Return an assessment of the table `assessments`. Raises ValueError where its JSON cannot be read."""
    error = json.loads(row["error"]) if row.get("error") else None
    metadata = json.loads(row["assessment_metadata"]) if row.get("assessment_metadata") else {}
    value = json.loads(row["value"])
    kind = AssessmentKind(row["assessment_type"])
    return AssessmentData(
        kind=kind,
        name=str(row["name"]),
        value=value,
        error={key: str(text) for key, text in error.items() if text is not None} if error else None,
        is_serialized=kind == AssessmentKind.EXPECTATION and isinstance(value, dict),
        source_type=_source_type(row["source_type"]),
        source_id=str(row.get("source_id") or ""),
        rationale=row.get("rationale"),
        metadata={str(key): str(text) for key, text in metadata.items()},
        span_id=str(row.get("span_id") or ""),
        overrides=str(row.get("overrides") or ""),
        valid=bool(row.get("valid", True)),
        created_ms=row["created_timestamp"],
        updated_ms=row["last_updated_timestamp"],
        assessment_id=str(row["assessment_id"]),
    )
