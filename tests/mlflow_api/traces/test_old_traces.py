"""Traces of MLflow 2, replayed as client 2.22.4 sends them: begin, upload the file of spans, end, read."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from audit.models import Event
from tests.mlflow_api.conftest import Call, Send
from tests.mlflow_api.traces.conftest import Call3, counts
from traces.models import Span, Trace
from tracking.models import Artifact

pytestmark = pytest.mark.django_db
OTEL = "a5b21ec86a7c30a97f6738514df267d3"
BEGUN = {
    "experiment_id": "0",
    "timestamp_ms": 1795936319783,
    "request_metadata": [{"key": "mlflow.trace_schema.version", "value": "2"}],
    "tags": [{"key": "mlflow.source.type", "value": "LOCAL"}, {"key": "mlflow.traceName", "value": "outer"}],
}


def span(number: int, parent: int = 0, **fields: Any) -> dict[str, Any]:
    return {
        "name": f"step {number}",
        "context": {"span_id": f"0x{number:016x}", "trace_id": f"0x{OTEL}"},
        "parent_id": f"0x{parent:016x}" if parent else None,
        "start_time": 1795936319783000000,
        "end_time": 1795936319807000000,
        "status_code": "OK",
        "status_message": "",
        "attributes": {
            "mlflow.traceRequestId": '"1c378efcfae445558b693197967b8106"',
            "mlflow.spanType": '"TOOL"',
            "mlflow.spanInputs": '{"a": 1}',
            "plain": "no json",
        },
        "events": [{"name": "exception", "timestamp": 1795936319783000001, "attributes": {"exception.type": "E"}}],
    } | fields


@pytest.fixture
def begun(call: Call) -> str:
    status, answer = call("POST", "traces", **BEGUN)
    assert status == 200, answer
    assert answer["trace_info"]["status"] == "IN_PROGRESS"
    trace_id: str = answer["trace_info"]["request_id"]
    return trace_id


def upload(send: Send, trace_id: str, content: Any, name: str = "traces.json") -> Any:
    body = content if isinstance(content, bytes) else orjson.dumps(content)
    return send("PUT", f"/api/2.0/mlflow-artifacts/artifacts/0/traces/{trace_id}/artifacts/{name}", body)


def test_the_whole_story(call: Call, call3: Call3, send: Send, begun: str) -> None:
    file = orjson.dumps({"spans": [span(1), span(2, parent=1)], "request": "{}", "response": None})
    assert upload(send, begun, file).status_code == 200
    ended = {
        "request_id": begun,
        "timestamp_ms": 1795936319807,
        "status": "OK",
        "request_metadata": [{"key": "mlflow.traceInputs", "value": '{"a": 1}'}],
        "tags": [{"key": "team", "value": "old"}],
    }
    status, answer = call("PATCH", f"traces/{begun}", **ended)
    assert status == 200, answer
    got = answer["trace_info"]
    assert (got["status"], got["execution_time_ms"], got["timestamp_ms"]) == ("OK", 24, 1795936319783)
    assert [pair["key"] for pair in got["request_metadata"]] == ["mlflow.traceInputs", "mlflow.trace_schema.version"]
    assert {"key": "team", "value": "old"} in got["tags"]
    assert "mlflow.trace.spansLocation" not in {pair["key"] for pair in got["tags"]}  # the client reads the file
    assert call("GET", f"traces/{begun}/info")[1] == {"trace_info": got}
    path = f"/api/2.0/mlflow-artifacts/artifacts/0/traces/{begun}/artifacts/traces.json"
    assert b"".join(send("GET", path).streaming_content) == file
    spans = call3("GET", "traces/get", trace_id=begun)[1]["trace"]["spans"]
    assert [found["name"] for found in spans] == ["step 1", "step 2"]
    attributes = {pair["key"]: pair["value"] for pair in spans[0]["attributes"]}
    assert attributes["mlflow.spanType"] == {"string_value": "TOOL"}
    assert attributes["mlflow.spanInputs"] == {"kvlist_value": {"values": [{"key": "a", "value": {"int_value": 1}}]}}
    assert attributes["plain"] == {"string_value": "no json"}
    assert spans[0]["events"][0]["attributes"] == [{"key": "exception.type", "value": {"string_value": "E"}}]


def test_mlflow_3_writes_the_file_in_its_own_schema(call3: Call3, send: Send, begun: str) -> None:
    sent = {
        "trace_id": "pbIe" + "A" * 18 + "==",
        "span_id": "AAAAAAAAAAE=",
        "parent_span_id": None,
        "name": "root",
        "start_time_unix_nano": 1795936319783000000,
        "end_time_unix_nano": "1795936319807000000",
        "events": [{"name": "e", "time_unix_nano": 5, "attributes": {"k": 1}}],
        "status": {"code": "STATUS_CODE_ERROR", "message": "boom"},
        "attributes": {"mlflow.spanOutputs": "[1, 2]"},
        "links": [{"trace_id": "tr-" + "ab" * 16, "span_id": "01" * 8, "attributes": {"k": "v"}}],
    }
    hexadecimal = sent | {
        "trace_id": OTEL,
        "span_id": f"{2:016x}",
        "parent_span_id": f"{1:016x}",
        "status": {"code": "OK"},
    }
    assert upload(send, begun, {"spans": [sent, hexadecimal]}).status_code == 200
    first, second = Span.objects.order_by("span_id")
    assert (first.status, first.parent_id, second.status, second.parent_id) == ("ERROR", "", "OK", f"{1:016x}")
    assert Trace.objects.get().state == "ERROR"
    (got, _) = call3("GET", "traces/get", trace_id=begun)[1]["trace"]["spans"]
    assert got["status"] == {"code": "STATUS_CODE_ERROR", "message": "boom"}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"spans": 5}',
        b'{"spans": [5]}',
        b'{"spans": [{}]}',
        {"spans": [span(1), span(2, name=None, context={})]},
        {"spans": [span(1, context={"span_id": "zz"})]},
        {"spans": [span(1, start_time="soon")]},
        {"spans": [span(1, start_time=-1)]},
        {"spans": [span(1, start_time=True)]},
        {"spans": [span(1, events=[{}])]},
        {"spans": [span(1, attributes=["a"])]},
        {"spans": [span(1, parent_id=f"0x{1:016x}")]},
        {"spans": [span(1, attributes={"deep": "[" * 500 + "]" * 500})]},
    ],
)
def test_a_file_that_cannot_be_read_is_not_kept(send: Send, begun: str, content: Any) -> None:
    before = Event.objects.count()
    answer = upload(send, begun, content)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert (counts(), Artifact.objects.count(), Event.objects.count()) == ((1, 0, 0), 0, before)


def test_a_file_has_a_limit(send: Send, begun: str, settings: Any) -> None:
    settings.MAX_TRACE_REQUEST_BYTES = 1000
    assert upload(send, begun, b"x" * 1001).status_code == 413
    settings.MAX_TRACE_REQUEST_BYTES, settings.MAX_TRACE_BYTES = 100_000, 1000
    assert upload(send, begun, {"spans": [span(1, name="x" * 2000)]}).status_code == 413
    assert (counts(), Artifact.objects.count()) == ((1, 0, 0), 0)


def test_other_files_and_files_of_no_trace_are_ordinary_artifacts(send: Send, begun: str) -> None:
    assert upload(send, begun, b"picture", name="attachments/1").status_code == 200
    assert upload(send, "nosuch", b"any bytes").status_code == 200
    path = f"/api/2.0/mlflow-artifacts/artifacts/7/traces/{begun}/artifacts/traces.json"
    assert send("PUT", path, b"of another experiment").status_code == 200
    assert (Artifact.objects.count(), Span.objects.count()) == (3, 0)


@pytest.mark.parametrize(
    "fields",
    [
        {"experiment_id": None},
        {"experiment_id": "x"},
        {"timestamp_ms": None},
        {"timestamp_ms": -5},
        {"timestamp_ms": 2**62},
        {"timestamp_ms": "soon"},
        {"tags": {"a": "b"}},
        {"request_metadata": [{"value": "v"}]},
    ],
)
def test_a_beginning_that_cannot_be_kept_is_refused(call: Call, fields: dict[str, Any]) -> None:
    status, answer = call("POST", "traces", **BEGUN | fields)
    assert (status, answer["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert counts() == (0, 0, 0)


def test_an_end_that_cannot_be_kept_changes_nothing(call: Call, begun: str) -> None:
    for fields in ({}, {"timestamp_ms": -1, "status": "OK"}, {"timestamp_ms": 1, "status": "FINE"}):
        assert call("PATCH", f"traces/{begun}", **fields)[0] == 400
    assert call("PATCH", "traces/nosuch", timestamp_ms=1, status="OK")[0] == 404
    assert Trace.objects.get().state == "IN_PROGRESS"


def test_a_state_that_nobody_told_has_its_older_name(call: Call, begun: str) -> None:
    answer = call("PATCH", f"traces/{begun}", timestamp_ms=1795936319999, status=0)[1]
    assert answer["trace_info"]["status"] == "TRACE_STATUS_UNSPECIFIED"
