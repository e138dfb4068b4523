"""Reading traces: one, with its spans, many, and what is not there."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.mlflow_api.traces.conftest import START, TRACE, Call3, Export, info, request_of

pytestmark = pytest.mark.django_db
OTHER = "tr-" + "cd" * 16


def test_a_span_comes_back_in_opentelemetrys_json(call3: Call3, export: Export) -> None:
    request = request_of("root", "child")
    child = request.resource_spans[0].scope_spans[0].spans[1]
    child.attributes.add(key="n").value.int_value = 2**60
    child.attributes.add(key="nan").value.double_value = float("nan")
    child.attributes.add(key="raw").value.bytes_value = b"\x00\xff"
    child.attributes.add(key="none")
    child.attributes.add(key="list").value.array_value.values.add(bool_value=True)
    child.attributes.add(key="map").value.kvlist_value.values.add(key="k").value.string_value = "v"
    event = child.events.add(name="exception", time_unix_nano=START + 5)
    event.attributes.add(key="exception.message").value.string_value = "boom"
    child.links.add(trace_id=b"l" * 16, span_id=b"s" * 8)
    child.status.code, child.status.message = Status.STATUS_CODE_ERROR, "boom"
    child.kind = Span.SPAN_KIND_CLIENT
    assert export(request).status_code == 200
    status, answer = call3("GET", "traces/get", trace_id=TRACE, allow_partial="False")
    assert status == 200, answer
    root, got = answer["trace"]["spans"]
    assert (root["name"], "parent_span_id" in root) == ("root", False)
    assert base64.b64decode(got["trace_id"]).hex() == TRACE.removeprefix("tr-")
    assert base64.b64decode(got["parent_span_id"]) == base64.b64decode(root["span_id"]) == (1).to_bytes(8, "big")
    assert (got["start_time_unix_nano"], got["kind"]) == (START + 2, "SPAN_KIND_CLIENT")
    assert got["status"] == {"code": "STATUS_CODE_ERROR", "message": "boom"}
    assert {pair["key"]: pair["value"] for pair in got["attributes"]} == {
        "mlflow.spanInputs": {"string_value": "in child"},
        "n": {"int_value": 2**60},
        "nan": {"double_value": "NaN"},
        "raw": {"bytes_value": "AP8="},
        "none": {},
        "list": {"array_value": {"values": [{"bool_value": True}]}},
        "map": {"kvlist_value": {"values": [{"key": "k", "value": {"string_value": "v"}}]}},
    }
    (happened,) = got["events"]
    assert happened["attributes"] == [{"key": "exception.message", "value": {"string_value": "boom"}}]
    assert base64.b64decode(got["links"][0]["trace_id"]) == b"l" * 16


def test_a_trace_whose_spans_are_on_their_way_is_not_given_in_part(call3: Call3, export: Export) -> None:
    stats = {"mlflow.trace.sizeStats": '{"num_spans": 2}'}
    call3("POST", "traces", trace={"trace_info": info(trace_metadata=stats)})
    export(request_of("root"))
    status, answer = call3("GET", "traces/get", trace_id=TRACE)
    assert (status, answer["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
    assert "not fully exported yet" in answer["message"]
    assert len(call3("GET", "traces/get", trace_id=TRACE, allow_partial="True")[1]["trace"]["spans"]) == 1
    export(request_of("root", "child"))
    assert len(call3("GET", "traces/get", trace_id=TRACE)[1]["trace"]["spans"]) == 2


@pytest.mark.parametrize("stats", ["", "[]", "{", '{"num_spans": "many"}'])
def test_size_stats_that_say_nothing_hide_nothing(call3: Call3, export: Export, stats: str) -> None:
    call3("POST", "traces", trace={"trace_info": info(trace_metadata={"mlflow.trace.sizeStats": stats})})
    assert call3("GET", "traces/get", trace_id=TRACE)[0] == 200


def test_many_come_in_the_order_asked_and_unknown_ones_are_left_out(call3: Call3, export: Export) -> None:
    for trace in (TRACE, OTHER):
        export(request_of("root", trace=trace))
    asked = [OTHER, "tr-none", TRACE, OTHER]
    status, answer = call3("GET", "traces/batchGet", trace_ids=asked)
    assert [found["trace_info"]["trace_id"] for found in answer["traces"]] == [OTHER, TRACE]
    assert [len(found["spans"]) for found in answer["traces"]] == [1, 1]
    status, answer = call3("POST", "traces/batchGetInfos", trace_ids=asked)
    assert (status, [found["trace_id"] for found in answer["trace_infos"]]) == (200, [OTHER, TRACE])
    assert call3("POST", "traces/batchGetInfos", trace_ids=asked, experiment_ids=["5"])[1] == {}
    assert call3("POST", "traces/batchGetInfos", trace_ids=asked, experiment_ids=[])[1] == {}
    assert len(call3("GET", "traces/batchGet", trace_ids=asked, experiment_ids=["0"])[1]["traces"]) == 2


@pytest.mark.parametrize(
    ("method", "path", "fields", "status"),
    [
        ("GET", f"traces/{TRACE}", {}, 404),
        ("GET", "traces/get", {"trace_id": TRACE}, 404),
        ("GET", "traces/get", {}, 400),
        ("GET", "traces/get", {"trace_id": TRACE, "allow_partial": "maybe"}, 404),
        ("GET", "traces/batchGet", {}, 400),
        ("GET", "traces/batchGet", {"trace_ids": [str(number) for number in range(501)]}, 413),
        ("POST", "traces/batchGetInfos", {"trace_ids": "x"}, 400),
        ("POST", "traces/batchGetInfos", {"trace_ids": [1]}, 400),
    ],
)
def test_what_is_not_there_or_cannot_be_asked(
    call3: Call3, method: str, path: str, fields: dict[str, Any], status: int
) -> None:
    got, answer = call3(method, path, **fields)
    assert got == status, answer
    assert set(answer) == {"error_code", "message"}


def test_a_flag_that_is_none_is_refused(call3: Call3, trace: str) -> None:
    assert call3("GET", "traces/get", trace_id=trace, allow_partial="maybe")[0] == 400


def test_reading_costs_the_same_however_many(call3: Call3, export: Export) -> None:
    def cost(count: int) -> int:
        ids = [f"tr-{number:032x}" for number in range(count)]
        for trace in ids:
            export(request_of("root", "child", trace=trace))
        with CaptureQueriesContext(connection) as captured:
            assert len(call3("GET", "traces/batchGet", trace_ids=ids)[1]["traces"]) == count
        return len(captured)

    assert cost(1) == cost(12) == 6  # token, traces, tags, metadata, assessments, spans
