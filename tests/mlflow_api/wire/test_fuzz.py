"""Every RPC against hostile fields: an answer or a clear refusal, never a 500, and a refusal writes nothing."""

import os
import random
from pathlib import Path
from urllib.parse import urlencode

import orjson
import pytest
from django.test import Client

from audit.models import Event
from mlflow_api import urls  # noqa: F401 - registers every RPC
from mlflow_api.dispatch import REGISTERED, Rpc
from tests.mlflow_api.conftest import Call, Send
from tests.recorded_rows import RecordedRows

SEED = int(os.environ.get("FUZZ_SEED", "20261123"))
ROUNDS = int(os.environ.get("FUZZ_ROUNDS", "25"))

FIELDS = (
    *(
        "name",
        "new_name",
        "description",
        "experiment_id",
        "run_id",
        "run_uuid",
        "key",
        "value",
        "version",
        "alias",
        "stage",
    ),
    *("source", "tags", "params", "metrics", "datasets", "models", "filter", "order_by", "page_token", "max_results"),
    *("view_type", "run_view_type", "experiment_ids", "status", "start_time", "end_time", "timestamp", "step", "path"),
    *(
        "metric_key",
        "run_ids",
        "model_id",
        "model_type",
        "source_run_id",
        "archive_existing_versions",
        "stages",
        "user_id",
    ),
    *(
        "comment",
        "creator",
        "id",
        "request_id",
        "subject_digest",
        "access_control_list",
        "page_token",
        "run_name",
        "artifact_location",
        "experiment_name",
        "model_json",
        "start_step",
        "end_step",
        "tag_key",
        "run_link",
    ),
    *(
        "url",
        "events",
        "event",
        "secret",
        "http_url_spec",
        "job_spec",
        "model_name",
        "governance",
        "dataset_name",
        "digest",
    ),
    *(
        "field_name",
        "ascending",
        "new_value",
        "archive_existing",
        "permission_level",
        "num_parts",
        "upload_id",
        "parts",
    ),
    *("trace_id", "trace_ids", "request_ids", "trace", "locations", "allow_partial", "assessment", "update_mask"),
    *("timestamp_ms", "request_metadata", "max_timestamp_millis", "max_traces", "prompt_versions"),
)
TEXTS = (
    *(
        "",
        " ",
        "0",
        "1",
        "x",
        "a" * 300,
        "é" * 70_000,
        "\x00",
        "\U0001f600",
        "../../etc/passwd",
        "%2e%2e%2f",
        "a/b:c",
        "NaN",
    ),
    *(
        "name = 'x'",
        "name LIKE '%' AND",
        "tags.\"a'b\" = '",
        "metrics.m > 1e999",
        "(",
        "name IN ()",
        "run_id IN ('a',)",
    ),
    *(
        "models:/m-x",
        "runs:/x/model",
        "file:///etc",
        "http://127.0.0.1/",
        "Production",
        "ACTIVE_ONLY",
        "name ASC",
        "-1",
    ),
)
OTHERS: tuple[object, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1,
    2**31,
    2**63,
    2**64,
    10**30,
    1.5,
    1e308,
    [],
    {},
    [[]],
    [None],
    [{}],
    {"a": {}},
)
MESSAGES = (
    *(
        {"key": "k"},
        {"key": "k", "value": "v"},
        {"key": 1, "value": {}},
        {"key": "", "value": "v"},
        {"model_id": "m-0"},
    ),
    *(
        {"key": "m", "value": 1, "timestamp": 1},
        {"key": "m", "value": "x", "timestamp": -1},
        {"dataset": {"name": "d"}},
    ),
    *({"field_name": "metrics.x", "ascending": "y"}, {"dataset_name": "d"}, {"key": "k" * 300, "value": "v" * 9000}),
)


def hostile(rng: random.Random) -> object:
    kind = rng.randrange(5)
    if kind < 2:
        return rng.choice(TEXTS)
    if kind == 2:
        return rng.choice(OTHERS)
    pool: tuple[object, ...] = (*TEXTS[:12], *MESSAGES)
    return [rng.choice(pool) for _ in range(rng.randrange(4))]


VALID: dict[str, object] = {
    "name": "fuzzed",
    "experiment_name": "fuzzed",
    "experiment_id": "0",
    "experiment_ids": ["0"],
    "key": "k",
    "value": "1",
    "version": "1",
    "alias": "champion",
    "stage": "Staging",
    "metric_key": "k",
    "timestamp": 1,
    "path": "a",
    "tag_key": "k",
    "max_results": 5,
    "new_name": "other",
    "comment": "c",
    "creator": "ada",
    "id": "1",
    "access_control_list": [{"user_name": "ada", "permission_level": "CAN_MANAGE"}],
    "status": "FINISHED",
    "tags": [{"key": "k", "value": "v"}],
    "model_type": "x",
}


def fields(rng: random.Random, known: dict[str, object]) -> dict[str, object]:
    """Return a request that is right but for a few fields; now and then one that is wrong throughout."""
    if rng.randrange(4) == 0:
        return {name: hostile(rng) for name in rng.sample(FIELDS, rng.randrange(3, len(FIELDS)))}
    broken = {name: hostile(rng) for name in rng.sample(FIELDS, rng.randrange(1, 4))}
    return VALID | known | broken


# Bodies that are no right request for anybody, with what PostgreSQL, JSON parsers and 64 bits cannot hold in them.
BODIES = (
    b"",
    b"{",
    b"[]",
    b"null",
    b"\xff\xfe{}",
    b'{"name": "\xff"}',
    b'{"name": "\\ud800", "key": "\\udfff"}',
    b'{"name": "a\\u0000b", "run_id": "\\u0000", "value": "\\u0000", "filter": "\\u0000"}',
    b'{"max_results": 9223372036854775808, "timestamp": -9223372036854775809, "step": 1e400, "start_time": 1e308}',
    b'{"max_results": 1' + b"0" * 5000 + b"}",
    b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
    b'{"tags": ' + b"[" * 20_000 + b"]" * 20_000 + b"}",
    b'{"name": "one", "name": "two", "key": "k", "key": ["k"], "value": NaN, "timestamp": NaN}',
    b'{"name": {"a": "b"}, "run_id": [1], "key": true, "events": [[]], "access_control_list": {"a": 1}}',
)
TYPES = (
    "application/json",
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "",
    "x/y; =",
)


def url_of(entry: Rpc, model_id: str) -> str:
    names = {
        "model_id": model_id,
        "webhook_id": model_id,
        "trace_id": model_id,
        "assessment_id": model_id,
        "experiment_id": model_id,
        "tag_key": "k",
    }
    path = entry.path.replace(":path", "").format(**names)
    return f"/api/{entry.version}/{entry.area}/{path}"


@pytest.mark.parametrize("entry", REGISTERED, ids=lambda entry: f"{entry.method} {entry.path}")
def test_no_body_breaks_an_rpc(client: Client, send: Send, entry: Rpc) -> None:
    client.raise_request_exception = False
    before = Event.objects.filter(outcome="ok").count()
    for body in BODIES:
        answer = send(entry.method, url_of(entry, "m-0"), body, content_type="application/json")
        assert answer.status_code < 500, (entry, body[:100], answer.content)
    tries = [(entry.method, kind) for kind in TYPES] + [
        (way, TYPES[0]) for way in ("HEAD", "OPTIONS", "TRACE", "PURGE")
    ]
    for method, content_type in tries:
        answer = send(method, url_of(entry, "m-0"), b'{"name": "x"}', content_type=content_type)
        assert answer.status_code < 500, (entry, method, content_type, answer.content)
    assert Event.objects.filter(outcome="ok").count() - before <= len(BODIES)  # a model or an experiment of an odd name


# Routes that are not RPCs: files, parts, presigned downloads, what the pages use.
OTHERS_THAN_RPCS = [
    *(f"/{prefix}/2.0/mlflow-artifacts/{{}}" for prefix in ("api", "ajax-api")),
    *("/api/2.0/mlflow/artifacts/presigned-upload-url?{}", "/api/2.0/mlflow/artifacts/presigned-download-url?{}"),
    *("/get-artifact?{}", "/model-versions/get-artifact?{}", "/ajax-api/2.0/mlflow/upload-artifact?{}"),
    "/api/2.0/mlflow/logged-models/{}/artifacts/files?artifact_file_path={}",
]
TAILS = (
    *(
        "artifacts",
        "artifacts/",
        "artifacts/x",
        "artifacts/%00",
        "artifacts/%ff",
        "artifacts/%ED%A0%80",
        "artifacts?path=%00",
    ),
    *(
        "artifacts?path=%ED%A0%80",
        "artifacts/" + "a/" * 700,
        "mpu/create/x",
        "mpu/complete/x",
        "mpu/abort/%00",
        "presigned/x",
    ),
    *(
        "run_id=%00&path=%00",
        "run_uuid=x&path=x",
        "name=%00&version=99999999999999999999&path=x",
        "name=x&version=x&path=%ff",
    ),
)


@pytest.mark.parametrize("route", OTHERS_THAN_RPCS)
def test_nothing_breaks_a_route_that_is_no_rpc(client: Client, send: Send, route: str) -> None:
    client.raise_request_exception = False
    for tail in TAILS:
        for method in ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"):
            for body in (
                b"",
                BODIES[4],
                BODIES[6],
                b'{"path": "x", "num_parts": -1, "upload_id": "\\u0000", "parts": [{}]}',
            ):
                answer = send(method, route.replace("{}", tail), body, content_type="application/json")
                # 501 is what the protocol has for a store that is no bucket
                assert answer.status_code < 500 or answer.status_code == 501, (method, route, tail, answer.content)


@pytest.fixture
def known(request: pytest.FixtureRequest, db: None, recorded: RecordedRows, tmp_path: Path) -> dict[str, object]:
    """Return the names of things that exist: a run, a logged model, a trace, a registered model with a version."""
    return recorded.build("fuzzed", lambda: request.getfixturevalue("built"), folders=[tmp_path / "artifacts"])


@pytest.fixture
def built(call: Call) -> dict[str, object]:
    """What `known` is, built over the API."""
    run_id = call("POST", "runs/create", experiment_id="0")[1]["run"]["info"]["run_id"]
    model_id = call("POST", "logged-models", experiment_id="0", source_run_id=run_id)[1]["model"]["info"]["model_id"]
    call("POST", "registered-models/create", name="fuzzed")
    source = f"models:/{model_id}"
    made = call("POST", "model-versions/create", name="fuzzed", source=source, run_id=run_id, model_id=model_id)
    assert made[0] == 200, made
    trace_id = call("POST", "traces", experiment_id="0", timestamp_ms=1)[1]["trace_info"]["request_id"]
    said = {"assessment_name": "n", "feedback": {"value": 1}}
    assert call("POST", f"traces/{trace_id}/assessments", assessment=said)[0] == 200
    traces = {"trace_id": trace_id, "trace_ids": [trace_id], "request_ids": [trace_id], "assessment": said}
    runs = {"run_id": run_id, "run_uuid": run_id, "run_ids": [run_id], "model_id": model_id, "source": source}
    return {**runs, **traces, "update_mask": "feedback", "timestamp_ms": 1, "max_timestamp_millis": 5}


@pytest.mark.parametrize("entry", REGISTERED, ids=lambda entry: f"{entry.method} {entry.path}")
def test_no_field_breaks_an_rpc(known: dict[str, object], client: Client, send: Send, entry: Rpc) -> None:
    rng = random.Random(f"{SEED} {entry.method} {entry.path}")  # noqa: S311 - a fixed sequence, to repeat a failure
    client.raise_request_exception = False
    for _ in range(ROUNDS):
        some_id = "trace_id" if entry.path.startswith("traces") else "model_id"
        there = "0" if entry.path.startswith("experiments/") else str(known[some_id])
        model_id = rng.choice([there, "m-0", "%00", "x" * 300])
        url = url_of(entry, model_id)
        values = fields(rng, known)
        before = Event.objects.filter(outcome="ok").count()
        if entry.method == "GET":
            answer = send("GET", url, QUERY_STRING=urlencode({key: str(value)[:9000] for key, value in values.items()}))
        else:
            sent = {key: value for key, value in values.items() if value not in (10**30, 2**64)}
            answer = send(entry.method, url, orjson.dumps(sent), content_type="application/json")
        assert answer.status_code < 500, (url, values, answer.content)
        if answer.status_code != 200:
            assert {"error_code", "message"} <= answer.json().keys(), (url, values)
            assert Event.objects.filter(outcome="ok").count() == before, (url, values, answer.content)
