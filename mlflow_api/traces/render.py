"""Traces, spans and assessments as JSON of the MLflow protocol."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

import orjson

from core.times import from_ms, iso_utc
from mlflow_api.render_tracking import Json, filled, pairs
from traces.models import Assessment, AssessmentKind, Span, Trace, TraceState
from traces.spans import read_content

_OTEL_ID = re.compile(r"[0-9a-f]{32}")
# MLflow 2's name for a state that was not given.
_OLD_STATES = {TraceState.UNSPECIFIED.value: "TRACE_STATUS_UNSPECIFIED"}


def moment(milliseconds: int) -> str:
    """Return a time in RFC 3339 as protobuf writes it: with milliseconds, unless it is a whole second."""
    return iso_utc(from_ms(milliseconds), "milliseconds" if milliseconds % 1000 else "seconds")


def info(trace: Trace) -> Json:
    """Return a trace without its spans; its tags, metadata and assessments must be loaded."""
    return filled(
        trace_id=trace.pk,
        client_request_id=trace.client_request_id,
        trace_location={
            "type": "MLFLOW_EXPERIMENT",
            "mlflow_experiment": {"experiment_id": str(trace.experiment_id)},
        },
        request_preview=trace.request_preview,
        response_preview=trace.response_preview,
        request_time=moment(trace.request_ms),
        execution_duration=None if trace.duration_ms is None else _seconds(trace.duration_ms),
        state=trace.state,
        trace_metadata={pair.key: pair.value for pair in trace.metadata.all()},
        tags={pair.key: pair.value for pair in trace.tags.all()},
        assessments=[assessment(row) for row in sorted(trace.assessments.all(), key=lambda row: row.pk)],
    )


def _seconds(milliseconds: int) -> str:
    whole, remainder = divmod(milliseconds, 1000)
    return f"{whole}.{remainder:03d}s" if remainder else f"{whole}s"


def old_info(trace: Trace) -> Json:
    """Return a trace in the format of MLflow 2; its tags and metadata must be loaded."""
    return filled(
        request_id=trace.pk,
        experiment_id=str(trace.experiment_id),
        timestamp_ms=trace.request_ms,
        execution_time_ms=trace.duration_ms or 0,
        status=_OLD_STATES.get(trace.state, trace.state),
        request_metadata=pairs(trace.metadata.all()),
        tags=pairs(trace.tags.all()),
    )


def span(row: Span) -> Json:
    """Return a span as OpenTelemetry's JSON with ids in base64, which is how protobuf writes bytes."""
    content = {key: value for key, value in read_content(row).items() if key != "name"}
    status = {"code": f"STATUS_CODE_{row.status}", "message": content.pop("status_message", "")}
    attributes = _key_values(content.pop("attributes", {}))
    events = [{**event, "attributes": _key_values(event.get("attributes", {}))} for event in content.pop("events", [])]
    links = [
        {**link, "trace_id": _base64(link["trace_id"]), "span_id": _base64(link["span_id"]),
         "attributes": _key_values(link.get("attributes", {}))}
        for link in content.pop("links", [])
    ]  # fmt: skip
    return {
        **content,
        **filled(
            trace_id=_base64(_otel_id(row.trace_id)),
            span_id=_base64(row.span_id),
            parent_span_id=_base64(row.parent_id) if row.parent_id else None,
            name=row.name,
            start_time_unix_nano=row.start_ns,
            end_time_unix_nano=row.end_ns,
            attributes=attributes,
            events=events,
            links=links,
            status=status if status["message"] else {"code": status["code"]},
        ),
    }


def _otel_id(trace_id: str) -> str:
    """Return OpenTelemetry's id of a trace: 32 hexadecimal digits. An id of another form is hashed to that form."""
    digits = trace_id.removeprefix("tr-").lower()
    return digits if _OTEL_ID.fullmatch(digits) else hashlib.sha256(trace_id.encode()).hexdigest()[:32]


def _base64(text: str) -> str:
    return base64.b64encode(bytes.fromhex(text)).decode("ascii")


def _key_values(attributes: dict[str, Any]) -> list[Json]:
    return [{"key": key, "value": value} for key, value in attributes.items()]


def whole(trace: Trace, spans: list[Span]) -> Json:
    """Return a trace with its spans."""
    return {"trace_info": info(trace), "spans": [span(row) for row in spans]}


def assessment(row: Assessment) -> Json:
    """Return an assessment."""
    return filled(
        assessment_id=row.assessment_id,
        assessment_name=row.name,
        trace_id=row.trace_id,
        span_id=row.span_id or None,
        source=filled(source_type=row.source_type, source_id=row.source_id or None),
        create_time=moment(row.created_ms),
        last_update_time=moment(row.updated_ms),
        **{AssessmentKind(row.kind).value: _value(row)},
        rationale=row.rationale,
        metadata=row.metadata or None,
        overrides=row.overrides or None,
        valid=row.valid,
    )


def _value(row: Assessment) -> Json:
    """Return the value as the client sent it: lists and mappings that came as text go as text."""
    if row.is_serialized:
        return {"serialized_value": {"serialization_format": "JSON_FORMAT", "value": row.value}}
    return filled(value=orjson.Fragment(row.value) if row.value else None, error=row.error)
