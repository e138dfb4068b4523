"""Spans as JSON in MLflow's three schemas: in the files of older clients (`traces.json`) and in its servers' databases.

MLflow 2 has ids in hexadecimal under ``context``; MLflow 3 has OpenTelemetry's names with ids in base64 (3.5: in
hexadecimal). In all of them an attribute is a string that holds JSON.
"""

from __future__ import annotations

from typing import Any

import orjson

from core.errors import InvalidInput
from traces.models import SpanStatus
from traces.spans import Json, SpanData, hex_of, typed

_STATUSES = {
    **{f"STATUS_CODE_{status}": status.value for status in SpanStatus},
    **{status.value: status.value for status in SpanStatus},
}


def read_spans(content: bytes, *, trace_id: str) -> list[SpanData]:
    """Return the spans of a file. Raises InvalidInput: it cannot be read."""
    try:
        spans = orjson.loads(content)["spans"]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise InvalidInput("The file of a trace must be a JSON object with a list of spans.") from error
    if not isinstance(spans, list):
        raise InvalidInput("The file of a trace must be a JSON object with a list of spans.")
    return [_span(span, trace_id=trace_id, where=f"spans[{at}]") for at, span in enumerate(spans)]


def _span(span: Any, *, trace_id: str, where: str) -> SpanData:
    try:
        return _of_mlflow_2(span, trace_id) if "context" in span else _of_mlflow_3(span, trace_id)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidInput(f"{where} of the file cannot be read: {type(error).__name__} {error}.") from error


def _of_mlflow_2(span: Json, trace_id: str) -> SpanData:
    return SpanData(
        trace_id=trace_id,
        span_id=hex_of(span["context"]["span_id"], size=8),
        parent_id=hex_of(span["parent_id"], size=8) if span.get("parent_id") else "",
        name=str(span["name"]),
        start_ns=_time_ns(span["start_time"]),
        end_ns=_time_ns(span["end_time"]) if span.get("end_time") else None,
        status=_STATUSES.get(str(span.get("status_code")), SpanStatus.UNSET.value),
        status_message=str(span.get("status_message") or ""),
        attributes=_attributes(span.get("attributes")),
        events=tuple(_event(event, "timestamp") for event in span.get("events") or ()),
    )


def _of_mlflow_3(span: Json, trace_id: str) -> SpanData:
    status = span.get("status") or {}
    return SpanData(
        trace_id=trace_id,
        span_id=hex_of(span["span_id"], size=8),
        parent_id=hex_of(span["parent_span_id"], size=8) if span.get("parent_span_id") else "",
        name=str(span["name"]),
        start_ns=_time_ns(span["start_time_unix_nano"]),
        end_ns=_time_ns(span["end_time_unix_nano"]) if span.get("end_time_unix_nano") else None,
        status=_STATUSES.get(str(status.get("code")), SpanStatus.UNSET.value),
        status_message=str(status.get("message") or ""),
        attributes=_attributes(span.get("attributes")),
        events=tuple(_event(event, "time_unix_nano") for event in span.get("events") or ()),
        links=tuple(_link(link) for link in span.get("links") or ()),
    )


def _time_ns(value: object) -> int:
    """Return a time in nanoseconds, given as a number or as digits. Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError(f"{value!r} is not a time")  # noqa: TRY004 - answered like every other value that cannot be read
    return int(value)


def _attributes(attributes: Json | None) -> Json:
    return {str(key): typed(_decoded(value)) for key, value in (attributes or {}).items()}


def _decoded(value: object) -> object:
    """Return the value of an attribute, decoded where it is a string with JSON."""
    if not isinstance(value, str):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value


def _event(event: Json, time: str) -> Json:
    attributes = {str(key): typed(value) for key, value in (event.get("attributes") or {}).items()}
    return {"name": str(event["name"]), "time_unix_nano": _time_ns(event[time]), "attributes": attributes}


def _link(link: Json) -> Json:
    trace_id = hex_of(str(link["trace_id"]).removeprefix("tr-"), size=16)
    span_id = hex_of(str(link["span_id"]), size=8)
    if not trace_id or not span_id:
        raise ValueError("a link names no span")
    attributes = {str(key): typed(value) for key, value in (link.get("attributes") or {}).items()}
    return {"trace_id": trace_id, "span_id": span_id, "attributes": attributes}
