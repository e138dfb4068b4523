"""Odd requests that MLflow's servers understand are understood; where the answer differs, docs/migrating.md says so."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import orjson
import pytest

from tests.mlflow_api.conftest import Call, Send
from tests.mlflow_api.wire.test_stricter_rules import PUT

RPC = "/api/2.0/mlflow/"


@pytest.fixture
def run(call: Call) -> str:
    """The id of a run with two files, one of them a model."""
    return str(call("POST", "runs/create", experiment_id="0", run_name="odd")[1]["run"]["info"]["run_id"])


def data_of(call: Call, run: str) -> dict[str, Any]:
    found: dict[str, Any] = call("GET", "runs/get", run_id=run)[1]["run"]["data"]
    return found


def put(send: Send, run: str, path: str) -> None:
    assert send("PUT", PUT.replace("/r/", f"/{run}/") + quote(path, safe="/"), b"x").status_code == 200


def files(call: Call, run: str, path: str) -> list[str]:
    return [file["path"] for file in call("GET", "artifacts/list", run_id=run, path=path)[1].get("files", [])]


def test_a_get_without_a_query_is_read_from_its_body(send: Send, run: str) -> None:
    body = orjson.dumps({"run_id": run})
    answer = send("GET", f"{RPC}runs/get", body, content_type="application/json")
    assert orjson.loads(answer.content)["run"]["info"]["run_id"] == run
    assert send("GET", f"{RPC}runs/get", body, content_type="text/plain").status_code == 400


def test_the_query_of_a_get_comes_before_its_body(send: Send, run: str) -> None:
    body = orjson.dumps({"run_id": run})
    answer = send("GET", f"{RPC}runs/get", body, content_type="application/json", QUERY_STRING="run_id=none")
    assert answer.status_code == 404


def test_the_first_of_a_repeated_parameter_counts(call: Call, run: str) -> None:
    assert call("GET", "runs/get", run_id=[run, "none"])[1]["run"]["info"]["run_id"] == run
    assert call("GET", "runs/get", run_id=["none", run])[0] == 404


def test_a_body_that_was_encoded_twice_is_read(call: Call, send: Send, run: str) -> None:
    body = orjson.dumps(orjson.dumps({"run_id": run, "key": "twice", "value": "v"}).decode())
    assert send("POST", f"{RPC}runs/set-tag", body, content_type="application/json").status_code == 200
    assert {"key": "twice", "value": "v"} in data_of(call, run)["tags"]


@pytest.mark.parametrize("key", ["top@k", "e\u0301", "a//b", "..", "100% (std)"])
def test_a_run_begins_with_tags_of_any_characters(call: Call, key: str) -> None:
    tags = [{"key": key, "value": "1"}]
    status, answer = call("POST", "runs/create", experiment_id="0", run_name="r", tags=tags)
    assert status == 200
    assert tags[0] in answer["run"]["data"]["tags"]
    run = answer["run"]["info"]["run_id"]
    assert tags[0] in data_of(call, run)["tags"]
    assert call("POST", "runs/set-tag", run_id=run, key=key, value="2")[0] == 400  # as on MLflow
    assert call("POST", "runs/delete-tag", run_id=run, key=key) == (200, {})
    assert tags[0] not in data_of(call, run)["tags"]


def test_first_tags_are_cut(call: Call) -> None:
    made = call("POST", "runs/create", experiment_id="0", run_name="n" * 8001, tags=[{"key": "k", "value": "v" * 8001}])
    run = made[1]["run"]
    assert len(run["info"]["run_name"]) == 8000
    assert {tag["key"]: len(tag["value"]) for tag in run["data"]["tags"]} == {"k": 8000, "mlflow.runName": 8000}


def test_the_last_of_equal_tags_counts(call: Call) -> None:
    twice = [{"key": "k", "value": "1"}, {"key": "k", "value": "2"}]
    made = call("POST", "experiments/create", name="twice", tags=twice)[1]["experiment_id"]
    assert call("GET", "experiments/get", experiment_id=made)[1]["experiment"]["tags"] == twice[1:]
    named = call("POST", "runs/create", experiment_id="0", run_name="a", tags=[{"key": "mlflow.runName", "value": ""}])
    assert named[1]["run"]["info"]["run_name"] == "a"


def test_a_run_without_an_experiment(call: Call) -> None:
    for fields in ({}, {"experiment_id": ""}):
        assert call("POST", "runs/create", run_name="r", **fields)[1]["run"]["info"]["experiment_id"] == "0"


def test_a_metric_keeps_half_a_dataset(call: Call, run: str) -> None:
    half = {"dataset_name": "orders"}, {"dataset_digest": "d1"}
    for number, fields in enumerate(half):
        metric = {"run_id": run, "key": f"m{number}", "value": 1, "timestamp": 1}
        assert call("POST", "runs/log-metric", **metric, **fields)[0] == 200
    kept = {metric["key"]: metric for metric in data_of(call, run)["metrics"]}
    assert all(fields.items() <= kept[f"m{number}"].items() for number, fields in enumerate(half))


def test_an_unknown_number_of_a_status_changes_nothing(call: Call, run: str) -> None:
    assert call("POST", "runs/update", run_id=run, status=99, run_name="other")[0] == 400
    info = call("GET", "runs/get", run_id=run)[1]["run"]["info"]
    assert (info["status"], info["run_name"]) == ("RUNNING", "odd")


def test_a_control_character_of_a_file_name_is_escaped(call: Call, send: Send, run: str) -> None:
    put(send, run, "odd/a\tb.txt")
    put(send, run, "odd/a\nb.txt")
    assert files(call, run, "odd") == ["odd/a%09b.txt", "odd/a%0ab.txt"]
    for name in ("a\tb.txt", "a%09b.txt", "a\nb.txt", "a%0ab.txt"):
        path = PUT.replace("/r/", f"/{run}/") + "odd/" + quote(name)
        assert b"".join(send("GET", path).streaming_content) == b"x"


def test_files_of_the_root(call: Call, send: Send, run: str) -> None:
    put(send, run, "a.txt")
    assert files(call, run, ".") == files(call, run, "") == ["a.txt"]


def test_the_download_uri_is_where_the_files_are(call: Call, send: Send, run: str) -> None:
    put(send, run, "m/MLmodel")
    call("POST", "registered-models/create", name="odd")
    assert call("POST", "model-versions/create", name="odd", source=f"runs:/{run}/m", run_id=run)[0] == 200
    uri = call("GET", "model-versions/get-download-uri", name="odd", version="1")[1]["artifact_uri"]
    assert uri == f"mlflow-artifacts:/0/{run}/artifacts/m"


def test_a_repeated_order_counts_once(call: Call) -> None:
    for name in ("odd-a", "odd-b"):
        call("POST", "registered-models/create", name=name)
    found = call("GET", "registered-models/search", order_by=["name DESC", "name ASC"])[1]["registered_models"]
    assert [model["name"] for model in found] == ["odd-b", "odd-a"]


def test_no_version_has_a_fraction(call: Call, send: Send, run: str) -> None:
    test_the_download_uri_is_where_the_files_are(call, send, run)
    assert call("GET", "model-versions/search", filter="version_number = 1.5") == (200, {})
    assert len(call("GET", "model-versions/search", filter="version_number < 1.5")[1]["model_versions"]) == 1
