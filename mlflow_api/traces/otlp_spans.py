"""Reads OpenTelemetry's protobuf messages into spans."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from typing import Any

import orjson
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from core.errors import InvalidInput
from traces.models import SpanStatus
from traces.spans import Json, SpanData, plain, typed_number

Resources = dict[str, dict[str, str]]
_STATUSES = {Status.STATUS_CODE_OK: SpanStatus.OK.value, Status.STATUS_CODE_ERROR: SpanStatus.ERROR.value}
_COUNTS = ("dropped_attributes_count", "dropped_events_count", "dropped_links_count", "flags")


def read_request(message: ExportTraceServiceRequest) -> tuple[list[SpanData], Resources]:
    """Return the spans of a request, and for each trace id the attributes of its process.

    Raises InvalidInput: a bad span.
    """
    spans: list[SpanData] = []
    resources: Resources = {}
    for group in message.resource_spans:
        attributes = {pair.key: _text(any_value(pair.value)) for pair in group.resource.attributes}
        for scope in group.scope_spans:
            for span in scope.spans:
                spans.append(_span(span, where=f"spans[{len(spans)}]."))
                resources.setdefault(spans[-1].trace_id, {}).update(attributes)
    return spans, resources


def _span(span: Span, *, where: str) -> SpanData:
    if len(span.trace_id) != 16 or len(span.span_id) != 8 or len(span.parent_span_id) not in {0, 8}:  # noqa: PLR2004 - sizes of the protocol
        raise InvalidInput(f"{where}trace_id must have 16 bytes, span_id and parent_span_id 8.")
    extra: Json = {name: value for name in _COUNTS if (value := getattr(span, name))}
    if span.kind:
        extra["kind"] = Span.SpanKind.Name(span.kind) if span.kind in Span.SpanKind.values() else span.kind
    if span.trace_state:
        extra["trace_state"] = span.trace_state
    return SpanData(
        trace_id=f"tr-{span.trace_id.hex()}",
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        name=span.name,
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano or None,
        status=_STATUSES.get(span.status.code, SpanStatus.UNSET.value),
        status_message=span.status.message,
        attributes=_mapping(span.attributes),
        events=tuple(
            {"name": event.name, "time_unix_nano": event.time_unix_nano, "attributes": _mapping(event.attributes)}
            for event in span.events
        ),
        links=tuple(
            {"trace_id": link.trace_id.hex(), "span_id": link.span_id.hex(), "attributes": _mapping(link.attributes)}
            for link in span.links
        ),
        extra=extra,
    )


def _mapping(pairs: Iterable[KeyValue]) -> Json:
    return {pair.key: any_value(pair.value) for pair in pairs}


def any_value(value: AnyValue) -> Json:
    """Return a typed value as JSON: numbers as numbers, bytes in base64, {} for one without a value."""
    kind = value.WhichOneof("value")
    if kind is None:
        return {}
    if kind == "array_value":
        return {kind: {"values": [any_value(item) for item in value.array_value.values]}}
    if kind == "kvlist_value":
        return {
            kind: {"values": [{"key": item.key, "value": any_value(item.value)} for item in value.kvlist_value.values]}
        }
    content: Any = getattr(value, kind)
    if kind == "bytes_value":
        content = b64encode(content).decode("ascii")
    return {kind: typed_number(content) if kind == "double_value" else content}


def _text(value: Json) -> str:
    """Return a value of a resource as the text of a tag: a text itself, everything else as JSON."""
    content = plain(value)
    return content if isinstance(content, str) else orjson.dumps(content).decode()
