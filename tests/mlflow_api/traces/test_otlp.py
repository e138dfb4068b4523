"""POST /v1/traces: protobuf and JSON, compressed or not, and everything that is neither."""

from __future__ import annotations

import gzip
import random
import zlib
from typing import Any

import orjson
import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import User
from audit.models import Event
from tests.mlflow_api.conftest import Call, Send
from tests.mlflow_api.traces.conftest import START, TRACE, Export, counts, request_of, tags
from traces.models import Span, Trace, TraceRun

pytestmark = pytest.mark.django_db
HEADERS = {"x-mlflow-experiment-id": "0"}
PROTOBUF, JSON = "application/x-protobuf", "application/json"


def json_request(**span: Any) -> dict[str, Any]:
    given = {
        "traceId": TRACE.removeprefix("tr-"),
        "spanId": f"{1:016x}",
        "name": "root",
        "startTimeUnixNano": str(START),
        "endTimeUnixNano": str(START + 10**9),
        "attributes": [{"key": "n", "value": {"intValue": "7"}}],
        "status": {"code": "STATUS_CODE_ERROR", "message": "m"},
        "links": [{"traceId": "ef" * 16, "spanId": "01" * 8}],
    }
    return {"resourceSpans": [{"scopeSpans": [{"spans": [given | span]}]}]}


def post(send: Send, body: bytes, content_type: str = PROTOBUF, **headers: str) -> Any:
    return send("POST", "/v1/traces", body, content_type=content_type, headers=HEADERS | headers)


def test_protobuf_is_kept_and_answered_in_kind(export: Export) -> None:
    request = request_of("root", "child")
    request.resource_spans[0].resource.attributes.add(key="service.name").value.string_value = "api"
    request.resource_spans[0].resource.attributes.add(key="replicas").value.int_value = 3
    answer = export(request)
    assert (answer.status_code, answer.content, answer["Content-Type"]) == (200, b"", PROTOBUF)
    assert counts() == (1, 2, 0)
    assert (Trace.objects.get().state, tags()["service.name"], tags()["replicas"]) == ("OK", "api", "3")


def test_json_is_kept_and_answered_in_kind(send: Send) -> None:
    answer = post(send, orjson.dumps(json_request()), f"{JSON}; charset=utf-8")
    assert (answer.status_code, answer.content, answer["Content-Type"]) == (200, b"{}", JSON)
    span = Span.objects.get()
    assert (span.trace_id, span.status, span.start_ns) == (TRACE, "ERROR", START)
    assert orjson.loads(span.content)["links"][0]["trace_id"] == "ef" * 16


@pytest.mark.parametrize(
    ("encoding", "compress"),
    [
        ("gzip", gzip.compress),
        ("GZIP", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", lambda body: zlib.compress(body, wbits=-15)),
        ("identity", bytes),
    ],
)
def test_compressed_bodies_are_read(send: Send, encoding: str, compress: Any) -> None:
    body = compress(request_of("root").SerializeToString())
    assert post(send, body, **{"Content-Encoding": encoding}).status_code == 200
    assert counts() == (1, 1, 0)


def test_a_run_of_the_header_gets_the_trace(call: Call, export: Export) -> None:
    run_id = call("POST", "runs/create", experiment_id="0", start_time=1)[1]["run"]["info"]["run_id"]
    assert export(request_of("root"), x_mlflow_run_id=run_id).status_code == 200
    assert export(request_of("root"), x_mlflow_run_id="nosuch").status_code == 200
    assert TraceRun.objects.get().run_id == run_id


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"x_mlflow_experiment_id": ""}, 400, "INVALID_PARAMETER_VALUE"),
        ({"x_mlflow_experiment_id": "x"}, 400, "INVALID_PARAMETER_VALUE"),
        ({"x_mlflow_experiment_id": "77"}, 404, "RESOURCE_DOES_NOT_EXIST"),
        ({"Content_Encoding": "br"}, 400, "INVALID_PARAMETER_VALUE"),
        ({"Content_Encoding": "gzip"}, 400, "INVALID_PARAMETER_VALUE"),
        ({"Content_Encoding": "deflate"}, 400, "INVALID_PARAMETER_VALUE"),
    ],
)
def test_headers_that_cannot_be_are_refused(export: Export, headers: dict[str, str], status: int, code: str) -> None:
    before = Event.objects.count()
    answer = export(request_of("root"), **headers)
    assert (answer.status_code, answer.json()["error_code"]) == (status, code)
    assert (counts(), Event.objects.count()) == ((0, 0, 0), before)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/plain", b"x"),
        ("", b"x"),
        (PROTOBUF, b""),
        (PROTOBUF, b"\xff\xff\xff\xff"),
        (JSON, b""),
        (JSON, b"{"),
        (JSON, b"[]"),
        (JSON, b'"x"'),
        (JSON, b"null"),
        (JSON, b'{"resourceSpans": 5}'),
        (JSON, b'{"resourceSpans": [5]}'),
        (JSON, b'{"resourceSpans": []}'),
        (JSON, b'{"resourceSpans": ' + b"[" * 10_000 + b"]" * 10_000 + b"}"),
        (JSON, orjson.dumps(json_request(traceId="ab"))),
        (JSON, orjson.dumps(json_request(traceId=""))),
        (JSON, orjson.dumps(json_request(traceId=5))),
        (JSON, orjson.dumps(json_request(spanId="zz" * 8))),
        (JSON, orjson.dumps(json_request(parentSpanId=f"{1:016x}"))),
        (JSON, orjson.dumps(json_request(startTimeUnixNano=-1))),
        (JSON, orjson.dumps(json_request(startTimeUnixNano=str(2**64 - 1)))),
        (JSON, orjson.dumps(json_request(name=5))),
        (JSON, orjson.dumps(json_request(attributes={"a": 1}))),
    ],
)
def test_what_is_no_request_of_the_protocol_is_refused(send: Send, content_type: str, body: bytes) -> None:
    answer = post(send, body, content_type)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert counts() == (0, 0, 0)


def test_ids_of_the_wrong_size_are_refused(export: Export) -> None:
    for size in (0, 4, 15, 17):
        request = request_of("root")
        request.resource_spans[0].scope_spans[0].spans[0].trace_id = b"x" * size
        assert export(request).status_code == 400
    assert counts() == (0, 0, 0)


def test_one_bad_span_refuses_the_others(export: Export) -> None:
    request = request_of("root", "child")
    request.resource_spans[0].scope_spans[0].spans[1].span_id = b"x"
    answer = export(request)
    assert (answer.status_code, "spans[1]" in answer.json()["message"]) == (400, True)
    assert counts() == (0, 0, 0)


def test_a_request_has_a_limit_before_and_after_decompression(send: Send, settings: Any) -> None:
    settings.MAX_TRACE_REQUEST_BYTES = 1000
    body = request_of("x" * 2000).SerializeToString()
    for sent, headers in ((body, {}), (gzip.compress(body), {"Content-Encoding": "gzip"})):
        answer = post(send, sent, **headers)
        assert (answer.status_code, answer.json()["error_code"]) == (413, "INVALID_PARAMETER_VALUE")
    assert counts() == (0, 0, 0)


def test_a_bomb_is_not_unpacked(send: Send) -> None:
    answer = post(send, gzip.compress(b"\0" * 100_000_000), **{"Content-Encoding": "gzip"})
    assert answer.status_code == 413


def test_a_trace_has_a_limit(export: Export, settings: Any) -> None:
    settings.MAX_TRACE_BYTES = 1000
    answer = export(request_of("x" * 2000))
    assert (answer.status_code, "CUSTODY_MAX_TRACE_BYTES" in answer.json()["message"]) == (413, True)
    assert counts() == (0, 0, 0)


def test_only_post_and_only_with_a_token(send: Send, client: Client, ada: User) -> None:
    assert send("GET", "/v1/traces").json()["error_code"] == "ENDPOINT_NOT_FOUND"
    client.force_login(ada)  # a session is no token
    answer = client.post("/v1/traces", request_of("root").SerializeToString(), PROTOBUF, headers=HEADERS)
    assert (answer.status_code, answer.json()["error_code"]) == (401, "UNAUTHENTICATED")
    assert counts() == (0, 0, 0)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.randoms(use_true_random=False), st.integers(1, 8))
def test_no_bytes_break_it(send: Send, rng: random.Random, cuts: int) -> None:
    body = bytearray(request_of("root", "child").SerializeToString())
    for _ in range(cuts):
        body[rng.randrange(len(body))] = rng.randrange(256)
    assert post(send, bytes(body)).status_code in {200, 400, 404, 413}


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["resourceSpans", "scopeSpans", "spans", "traceId", "attributes", "key", "value", "events"]), inner
    ),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(JSONS)
def test_no_json_breaks_it(send: Send, value: object) -> None:
    try:
        body = orjson.dumps(value)
    except TypeError:  # an integer beyond 64 bits
        return
    assert post(send, body, JSON).status_code in {200, 400}
