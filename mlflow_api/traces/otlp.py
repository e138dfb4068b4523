"""POST /v1/traces: spans by OpenTelemetry's protocol over HTTP, as protobuf or JSON, from MLflow's client or any
exporter.
"""

from __future__ import annotations

import zlib
from base64 import b64encode
from typing import Any

import orjson
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from google.protobuf import json_format
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from core.actors import Actor
from core.errors import InvalidInput, TooLarge
from mlflow_api.bodies import read_body
from mlflow_api.dispatch import protected
from mlflow_api.errors import ProtocolError
from mlflow_api.traces.otlp_spans import read_request
from traces.services.spans import record_spans
from traces.spans import hex_of

PROTOBUF, JSON = "application/x-protobuf", "application/json"
_EXPERIMENT, _RUN = "x-mlflow-experiment-id", "x-mlflow-run-id"
# zlib's own numbers: a gzip header, a zlib header, no header at all.
_WINDOWS = {"gzip": (31,), "deflate": (15, -15)}
_SIZES = {"traceId": 16, "spanId": 8, "parentSpanId": 8}


def export(request: HttpRequest, actor: Actor, /, **_path_values: str) -> HttpResponse:
    """Store the spans of a request, all or none.

    Raises InvalidInput, ProtocolError, TooLarge.
    """
    if request.method != "POST":
        raise ProtocolError("This endpoint answers POST only.", error_code="ENDPOINT_NOT_FOUND", status=405)
    experiment_id = request.headers.get(_EXPERIMENT, "")
    if not experiment_id:
        raise InvalidInput(f"Send the header {_EXPERIMENT}: the id of the experiment that the traces belong to.")
    media_type = (request.content_type or "").lower()
    if media_type not in {PROTOBUF, JSON}:
        raise InvalidInput(f"Invalid Content-Type: {media_type[:100]!r}. Expected: {PROTOBUF} or {JSON}.")
    body = _decompressed(read_body(request), request.headers.get("Content-Encoding", ""))
    spans, resources = read_request(_message(body, media_type))
    if not spans:
        raise InvalidInput("Invalid OpenTelemetry format - no spans found.")
    record_spans(
        actor=actor,
        experiment_id=experiment_id,
        spans=spans,
        resources=resources,
        run_id=request.headers.get(_RUN, "")[:100],
    )
    # an empty answer in the format of the request: nothing was rejected
    return HttpResponse(b"{}" if media_type == JSON else b"", content_type=media_type)


def _decompressed(body: bytes, encoding: str) -> bytes:
    """Return the body as it was before compression. Raises InvalidInput (it cannot be decompressed), TooLarge."""
    name = encoding.strip().lower()
    if name in {"", "identity"}:
        return body
    if name not in _WINDOWS:
        raise InvalidInput(f"Unsupported Content-Encoding: {name[:50]!r}. Expected: gzip, deflate or none.")
    for window in _WINDOWS[name]:
        try:
            return _inflated(body, window)
        except zlib.error:
            continue
    raise InvalidInput(f"Failed to decompress {name} payload.")


def _inflated(body: bytes, window: int) -> bytes:
    limit = settings.MAX_TRACE_REQUEST_BYTES
    reader = zlib.decompressobj(window)
    plain = reader.decompress(body, limit + 1)
    if len(plain) > limit:
        raise TooLarge(
            f"The request body may hold at most {limit} bytes after decompression (CUSTODY_MAX_TRACE_REQUEST_BYTES)."
        )
    if not reader.eof:
        raise zlib.error("The body ends early.")
    return plain


def _message(body: bytes, media_type: str) -> ExportTraceServiceRequest:
    """Return the message in a body. Raises InvalidInput where it is not one of this protocol."""
    message = ExportTraceServiceRequest()
    try:
        if media_type == JSON:
            values = orjson.loads(body)
            _ids_to_base64(values)
            json_format.ParseDict(values, message, ignore_unknown_fields=True)
        else:
            message.ParseFromString(body)
    except (DecodeError, json_format.Error, orjson.JSONDecodeError, RecursionError, ValueError, TypeError) as error:
        raise InvalidInput("Invalid OpenTelemetry format.") from error
    return message


def _ids_to_base64(value: Any) -> None:
    """Replace ids in place: OTLP's JSON has them in hexadecimal, protobuf's JSON needs base64."""
    if isinstance(value, list):
        for item in value:
            _ids_to_base64(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key in _SIZES and isinstance(item, str) and item:
                value[key] = _base64(item, _SIZES[key])
            elif key in {"resourceSpans", "scopeSpans", "spans", "links"}:
                _ids_to_base64(item)


def _base64(text: str, size: int) -> str:
    digits = hex_of(text, size=size)
    if not digits:
        raise InvalidInput(
            f"Invalid OpenTelemetry format: {text[:100]!r} is not an id of {2 * size} hexadecimal digits."
        )
    return b64encode(bytes.fromhex(digits)).decode("ascii")


urlpatterns: list[URLPattern] = [path("v1/traces", protected(export))]
