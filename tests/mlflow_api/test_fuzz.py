"""Every RPC against hostile fields: an answer or a clear refusal, never a 500, and a refusal writes nothing."""

import os
import random
from urllib.parse import urlencode

import orjson
import pytest
from django.test import Client

from audit.models import Event
from mlflow_api import urls  # noqa: F401 - registers every RPC
from mlflow_api.dispatch import REGISTERED, Rpc
from tests.mlflow_api.conftest import Call, Send

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


@pytest.fixture
def known(call: Call) -> dict[str, object]:
    """Return the names of things that exist: a run, a logged model, a registered model with a version and an alias."""
    run_id = call("POST", "runs/create", experiment_id="0")[1]["run"]["info"]["run_id"]
    model_id = call("POST", "logged-models", experiment_id="0", source_run_id=run_id)[1]["model"]["info"]["model_id"]
    call("POST", "registered-models/create", name="fuzzed")
    source = f"models:/{model_id}"
    made = call("POST", "model-versions/create", name="fuzzed", source=source, run_id=run_id, model_id=model_id)
    assert made[0] == 200, made
    return {"run_id": run_id, "run_uuid": run_id, "run_ids": [run_id], "model_id": model_id, "source": source}


@pytest.mark.parametrize("entry", REGISTERED, ids=lambda entry: f"{entry.method} {entry.path}")
def test_no_field_breaks_an_rpc(client: Client, send: Send, known: dict[str, object], entry: Rpc) -> None:
    rng = random.Random(f"{SEED} {entry.method} {entry.path}")  # noqa: S311 - a fixed sequence, to repeat a failure
    client.raise_request_exception = False
    for _ in range(ROUNDS):
        model_id = rng.choice([str(known["model_id"]), "m-0", "%00", "x" * 300])
        url = f"/api/{entry.version}/{entry.area}/{entry.path.replace(':path', '').format(model_id=model_id, tag_key='k', webhook_id=model_id)}"
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
