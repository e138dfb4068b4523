"""Runs over the wire: what was sent comes back in the protocol's words."""

import json
from typing import Any

import pytest

from tests.mlflow_api.conftest import Call, Send


@pytest.fixture
def run_id(call: Call) -> str:
    _, made = call("POST", "runs/create", experiment_id="0", run_name="r", user_id="ada", start_time=5)
    return str(made["run"]["info"]["run_id"])


def full(call: Call, run_id: str) -> Any:
    return call("GET", "runs/get", run_id=run_id, run_uuid=run_id)[1]["run"]


def test_new_run_as_measured(call: Call) -> None:
    status, made = call("POST", "runs/create", experiment_id="0", run_name="r", user_id="", start_time="1795447644769")
    run = made["run"]
    run_id = run["info"]["run_id"]
    assert status == 200
    assert run == {
        "info": {
            "run_id": run_id,
            "run_uuid": run_id,
            "run_name": "r",
            "experiment_id": "0",
            "user_id": "",
            "status": "RUNNING",
            "start_time": 1795447644769,
            "artifact_uri": f"mlflow-artifacts:/0/{run_id}/artifacts",
            "lifecycle_stage": "active",
        },
        "data": {"tags": [{"key": "mlflow.runName", "value": "r"}]},
        "inputs": {},
        "outputs": {},
    }
    assert full(call, run_id) == run


def test_everything_logged_comes_back(call: Call, run_id: str) -> None:
    call("POST", "runs/log-metric", run_uuid=run_id, key="nan", value="NaN", timestamp="7")
    call("POST", "runs/log-metric", run_id=run_id, key="inf", value="Infinity", timestamp=7, step="-2")
    call("POST", "runs/log-parameter", run_id=run_id, key="p", value="1")
    call("POST", "runs/set-tag", run_id=run_id, key="t", value="")
    metrics = [{"key": "m", "value": "1.5", "timestamp": 1, "step": 3}]
    batch = {"metrics": metrics, "params": [{"key": "q", "value": "2"}], "tags": [{"key": "u", "value": "3"}]}
    assert call("POST", "runs/log-batch", run_id=run_id, **batch) == (200, {})
    data = full(call, run_id)["data"]
    assert data["metrics"] == [
        {"key": "inf", "value": 1.7976931348623157e308, "timestamp": 7, "step": -2},
        {"key": "m", "value": 1.5, "timestamp": 1, "step": 3},
        {"key": "nan", "value": "NaN", "timestamp": 7, "step": 0},
    ]
    assert data["params"] == [{"key": "p", "value": "1"}, {"key": "q", "value": "2"}]
    assert {"key": "t", "value": ""} in data["tags"]


def test_inputs_and_outputs_come_back(call: Call, run_id: str) -> None:
    _, made = call("POST", "logged-models", experiment_id="0", name="model", source_run_id=run_id)
    model_id = made["model"]["info"]["model_id"]
    dataset = {"name": "orders", "digest": "d1", "source_type": "local", "source": "{}", "schema": "s", "profile": "p"}
    tags = [{"key": "mlflow.data.context", "value": "train"}]
    call("POST", "runs/log-inputs", run_id=run_id, datasets=[{"dataset": dataset, "tags": tags}])
    call("POST", "runs/log-inputs", run_id=run_id, models=[{"model_id": model_id}])
    call("POST", "runs/outputs", run_id=run_id, models=[{"model_id": model_id, "step": "4"}])
    run = full(call, run_id)
    inputs = {"dataset_inputs": [{"tags": tags, "dataset": dataset}], "model_inputs": [{"model_id": model_id}]}
    assert run["inputs"] == inputs
    assert run["outputs"] == {"model_outputs": [{"model_id": model_id, "step": 4}]}


def test_update_delete_restore(call: Call, run_id: str) -> None:
    status, answer = call("POST", "runs/update", run_id=run_id, status="FINISHED", end_time=9, run_name="new")
    assert (status, answer["run_info"]["status"], answer["run_info"]["end_time"]) == (200, "FINISHED", 9)
    assert call("POST", "runs/update", run_id=run_id, status="BOGUS")[1]["run_info"]["status"] == "FINISHED"
    assert call("POST", "runs/update", run_id=run_id, status=4)[1]["run_info"]["status"] == "FAILED"
    for _ in range(2):
        assert call("POST", "runs/delete", run_id=run_id) == (200, {})
    assert call("POST", "runs/set-tag", run_id=run_id, key="a", value="b")[0] == 400
    assert call("POST", "runs/restore", run_id=run_id) == (200, {})
    assert call("POST", "runs/delete-tag", run_id=run_id, key="none")[0] == 404


MISSING = "Missing value for required parameter"
ERRORS = [
    ("GET", "runs/get", {"run_id": "nope"}, 404, "Run with id=nope not found"),
    ("GET", "runs/get", {}, 400, MISSING),
    ("POST", "runs/create", {"experiment_id": "12345"}, 404, "No Experiment with id=12345 exists"),
    ("POST", "runs/log-metric", {"run_id": "nope", "key": "k", "value": 1, "timestamp": 1}, 404, "Run with id=nope"),
    ("POST", "runs/log-metric", {"run_id": "R", "key": "k", "timestamp": 1}, 400, MISSING),
    ("POST", "runs/log-metric", {"run_id": "R", "key": "k", "value": 1}, 400, MISSING),
    ("POST", "runs/log-metric", {"run_id": "R", "key": "k", "value": True, "timestamp": 1}, 400, "Invalid value"),
    ("POST", "runs/log-metric", {"run_id": "R", "key": "k", "value": 1, "timestamp": 2**63}, 400, "64-bit"),
    ("POST", "runs/log-metric", {"run_id": "R", "key": "k\x00", "value": 1, "timestamp": 1}, 400, "NUL"),
    (
        "POST",
        "runs/log-batch",
        {"run_id": "R", "params": [{"key": f"p{n}"} for n in range(101)]},
        400,
        "at most 100 params",
    ),
    ("POST", "runs/log-batch", {"run_id": "R", "metrics": "x"}, 400, "a list"),
    ("POST", "runs/search", {"experiment_ids": ["0"], "filter": "tags.a = b"}, 400, "not quoted"),
    ("POST", "runs/search", {"experiment_ids": ["<Experiment: x>"]}, 400, "Invalid experiment ID '<Experiment: x>'"),
    ("POST", "runs/search", {"experiment_ids": ["0"], "order_by": ["start_time sideways"]}, 400, "direction"),
    ("POST", "runs/log-model", {"run_id": "R", "model_json": "{"}, 400, "Malformed model info"),
    ("POST", "runs/log-model", {"run_id": "R", "model_json": "{}"}, 400, "missing mandatory fields"),
]


@pytest.mark.parametrize(("method", "path", "fields", "status", "message"), ERRORS)
def test_errors(
    call: Call, run_id: str, method: str, path: str, fields: dict[str, Any], status: int, message: str
) -> None:
    if fields.get("run_id") == "R":
        fields = {**fields, "run_id": run_id}
    answered, error = call(method, path, **fields)
    assert answered == status
    assert message in error["message"]
    assert "metrics" not in full(call, run_id)["data"]


def test_param_that_changes(call: Call, run_id: str) -> None:
    call("POST", "runs/log-parameter", run_id=run_id, key="p", value="1")
    assert call("POST", "runs/log-parameter", run_id=run_id, key="p", value="1") == (200, {})
    status, error = call("POST", "runs/log-parameter", run_id=run_id, key="p", value="2")
    assert (status, error["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert (
        "Changing param values is not allowed. Param with key='p' was already logged with value='1'" in error["message"]
    )


def test_huge_body_is_refused(send: Send, run_id: str) -> None:
    answer = send("POST", "/api/2.0/mlflow/runs/log-batch", b" " * 20_000_001, content_type="application/json")
    assert answer.status_code == 413


def test_a_time_may_have_a_fraction(call: Call, run_id: str) -> None:
    """As `time.time() * 1000` has."""
    answer = call("POST", "runs/log-metric", run_id=run_id, key="m", value=1, timestamp=1700000000000.75, step=2.0)
    assert answer == (200, {})
    assert call("POST", "runs/log-metric", run_id=run_id, key="m", value=1, timestamp=1e30)[0] == 400
    assert full(call, run_id)["data"]["metrics"] == [{"key": "m", "value": 1.0, "timestamp": 1700000000000, "step": 2}]


@pytest.mark.parametrize(
    ("literal", "kept"), [("NaN", "NaN"), ("Infinity", 1.7976931348623157e308), ("-Infinity", -1.7976931348623157e308)]
)
def test_bare_words_that_python_writes_for_numbers(
    call: Call, send: Send, run_id: str, literal: str, kept: object
) -> None:
    body = f'\ufeff{{"run_id": "{run_id}", "key": "m", "timestamp": 1, "value": {literal}}}'
    answer = send("POST", "/api/2.0/mlflow/runs/log-metric", body.encode(), content_type="application/json")
    assert answer.status_code == 200
    assert full(call, run_id)["data"]["metrics"][0]["value"] == kept


@pytest.mark.parametrize("value", ['"\\ud800"', "99999999999999999999999", "[" * 100_000])
def test_bare_words_open_no_way_in_for_what_is_refused_otherwise(send: Send, run_id: str, value: str) -> None:
    body = f'{{"run_id": "{run_id}", "key": "m", "timestamp": 1, "value": NaN, "x": {value}}}'
    answer = send("POST", "/api/2.0/mlflow/runs/log-metric", body.encode(), content_type="application/json")
    assert answer.status_code == 400


def test_search_pages(call: Call, run_id: str) -> None:
    call("POST", "runs/create", experiment_id="0", start_time=9)
    status, answer = call("POST", "runs/search", experiment_ids=["0"], max_results=1, run_view_type="ALL")
    assert (status, len(answer["runs"])) == (200, 1)
    _, rest = call("POST", "runs/search", experiment_ids=["0"], max_results=1, page_token=answer["next_page_token"])
    assert [run["info"]["run_id"] for run in rest["runs"]] == [run_id]
    assert "next_page_token" not in rest
    assert call("POST", "runs/search") == (200, {})
    assert call("POST", "runs/search", experiment_ids=["77"]) == (200, {})


def test_history(call: Call, run_id: str) -> None:
    for step in range(3):
        call("POST", "runs/log-metric", run_id=run_id, key="loss", value=step, timestamp=step, step=step)
    status, answer = call("GET", "metrics/get-history", run_id=run_id, metric_key="loss", max_results=2)
    assert (status, [one["step"] for one in answer["metrics"]]) == (200, [0, 1])
    more = {"run_id": run_id, "metric_key": "loss", "page_token": answer["next_page_token"]}
    assert [one["value"] for one in call("GET", "metrics/get-history", **more)[1]["metrics"]] == [2.0]
    assert call("GET", "metrics/get-history", run_id=run_id, metric_key="none") == (200, {})
    assert call("GET", "metrics/get-history", run_id=run_id)[0] == 400
    bulk = {"run_ids": [run_id], "metric_key": "loss", "max_results": 2}
    points = call("GET", "metrics/get-history-bulk-interval", **bulk)[1]["metrics"]
    assert [(one["step"], one["run_id"]) for one in points] == [(0, run_id), (2, run_id)]


def test_model_history_of_older_clients(call: Call, run_id: str) -> None:
    model = {"artifact_path": "model", "flavors": {}, "utc_time_created": "now", "run_id": run_id, "extra": 1}
    for _ in range(2):
        assert call("POST", "runs/log-model", run_id=run_id, model_json=json.dumps(model)) == (200, {})
    tags = {tag["key"]: tag["value"] for tag in full(call, run_id)["data"]["tags"]}
    assert [sorted(entry) for entry in json.loads(tags["mlflow.log-model.history"])] == [
        ["artifact_path", "flavors", "run_id", "utc_time_created"]
    ] * 2
