"""Calling the traces part of the door as ada: infos and assessments as the client writes them, spans by OTLP."""

from __future__ import annotations

from typing import Any, Protocol

import orjson
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from tests.mlflow_api.conftest import Send, _query
from traces.models import Assessment, Span, Trace, TraceTag

TRACE = "tr-" + "ab" * 16
START = 1_700_000_000_000_000_000


class Call3(Protocol):
    """Calls an RPC below ``/api/3.0/mlflow/`` and returns its status and JSON."""

    def __call__(self, method: str, path: str, /, **fields: Any) -> tuple[int, dict[str, Any]]: ...


class Export(Protocol):
    """Sends spans to ``/v1/traces``."""

    def __call__(self, request: ExportTraceServiceRequest, /, **headers: str) -> Any: ...


@pytest.fixture
def call3(send: Send) -> Call3:
    def rpc(method: str, path: str, /, **fields: Any) -> tuple[int, dict[str, Any]]:
        where = f"/api/3.0/mlflow/{path}"
        if method == "GET":
            answer = send("GET", where, QUERY_STRING=_query(fields))
        else:
            answer = send(method, where, orjson.dumps(fields), content_type="application/json")
        return answer.status_code, orjson.loads(answer.content)

    return rpc


@pytest.fixture
def export(send: Send) -> Export:
    def post(request: ExportTraceServiceRequest, /, **headers: str) -> Any:
        given = {"x-mlflow-experiment-id": "0"} | {name.replace("_", "-"): value for name, value in headers.items()}
        return send(
            "POST",
            "/v1/traces",
            request.SerializeToString(),
            content_type="application/x-protobuf",
            headers={name: value for name, value in given.items() if value},
        )

    return post


def request_of(*names: str, trace: str = TRACE) -> ExportTraceServiceRequest:
    """Return an export request: the first span is the root, the others are its children."""
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    for number, name in enumerate(names, start=1):
        span = scope.spans.add(
            name=name, start_time_unix_nano=START + number, end_time_unix_nano=START + number * 10**9
        )
        span.trace_id, span.span_id = bytes.fromhex(trace.removeprefix("tr-")), number.to_bytes(8, "big")
        if number > 1:
            span.parent_span_id = (1).to_bytes(8, "big")
        span.status.code = Status.STATUS_CODE_OK
        value = span.attributes.add(key="mlflow.spanInputs").value
        value.string_value = f"in {name}"
    return request


def info(**fields: Any) -> dict[str, Any]:
    """Return a trace's information as the client of MLflow 3 sends it."""
    return {
        "trace_id": TRACE,
        "trace_location": {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}},
        "request_time": "2026-11-29T07:00:00.123Z",
        "execution_duration": "0.183s",
        "state": "OK",
        "tags": {"mlflow.traceName": "answer"},
        "trace_metadata": {"mlflow.trace_schema.version": "3"},
        "request_preview": "asked",
    } | fields


def feedback(**fields: Any) -> dict[str, Any]:
    return {
        "assessment_name": "good",
        "trace_id": TRACE,
        "source": {"source_type": "HUMAN", "source_id": "ada"},
        "create_time": "2026-11-29T07:00:00Z",
        "last_update_time": "2026-11-29T07:00:00Z",
        "feedback": {"value": True},
    } | fields


@pytest.fixture
def trace(call3: Call3) -> str:
    """A trace without spans."""
    status, answer = call3("POST", "traces", trace={"trace_info": info()})
    assert status == 200, answer
    return TRACE


def counts() -> tuple[int, int, int]:
    """Return how many traces, spans and assessments there are."""
    return Trace.objects.count(), Span.objects.count(), Assessment.objects.count()


def tags() -> dict[str, str]:
    return dict(TraceTag.objects.values_list("key", "value"))
