"""Logged models over the wire."""

from urllib.parse import quote

import pytest

from tests.mlflow_api.conftest import Call, Send


@pytest.fixture
def model_id(call: Call) -> str:
    _, made = call(
        "POST",
        "logged-models",
        experiment_id="0",
        name="model",
        model_type="sklearn",
        params=[{"key": "depth", "value": "3"}],
        tags=[{"key": "a", "value": "1"}],
    )
    return str(made["model"]["info"]["model_id"])


def test_life_of_a_model(call: Call, model_id: str) -> None:
    _, answer = call("PATCH", f"logged-models/{model_id}", model_id=model_id, status="LOGGED_MODEL_READY")
    info = answer["model"]["info"]
    assert isinstance(info.pop("creation_timestamp_ms"), int)
    assert isinstance(info.pop("last_updated_timestamp_ms"), int)
    assert info == {
        "model_id": model_id,
        "experiment_id": "0",
        "name": "model",
        "artifact_uri": f"mlflow-artifacts:/0/models/{model_id}/artifacts",
        "status": "LOGGED_MODEL_READY",
        "model_type": "sklearn",
        "source_run_id": "",
        "tags": [{"key": "a", "value": "1"}],
    }
    assert answer["model"]["data"] == {"params": [{"key": "depth", "value": "3"}]}
    assert call("GET", f"logged-models/{model_id}")[1]["model"]["data"] == answer["model"]["data"]
    assert call("DELETE", f"logged-models/{model_id}", model_id=model_id) == (200, {})
    assert call("GET", f"logged-models/{model_id}")[0] == 404


def test_tags_and_params(call: Call, model_id: str) -> None:
    tags = [{"key": "mlflow.modelVersions", "value": "[]"}]
    status, answer = call("PATCH", f"logged-models/{model_id}/tags", model_id=model_id, tags=tags)
    assert (status, len(answer["model"]["info"]["tags"])) == (200, 2)
    assert call("DELETE", f"logged-models/{model_id}/tags/a") == (200, {})
    status, error = call("DELETE", f"logged-models/{model_id}/tags/none")
    assert (status, error["message"]) == (404, f"No tag with key 'none' found for model with ID '{model_id}'.")
    assert call("POST", f"logged-models/{model_id}/params", params=[{"key": "lr", "value": "1"}]) == (200, {})


@pytest.mark.parametrize("key", ["team/owner", "a b/ü", "params"])
def test_a_tag_may_have_slashes_in_its_key(call: Call, model_id: str, key: str) -> None:
    call("PATCH", f"logged-models/{model_id}/tags", model_id=model_id, tags=[{"key": key, "value": "x"}])
    assert call("DELETE", f"logged-models/{model_id}/tags/{quote(key)}") == (200, {})
    info = call("GET", f"logged-models/{model_id}")[1]["model"]["info"]
    assert info["tags"] == [{"key": "a", "value": "1"}]


def test_metrics_name_their_run_and_dataset(call: Call, model_id: str) -> None:
    run_id = call("POST", "runs/create", experiment_id="0")[1]["run"]["info"]["run_id"]
    metric = {
        "key": "auc",
        "value": 0.5,
        "timestamp": 1,
        "model_id": model_id,
        "dataset_name": "d",
        "dataset_digest": "1",
    }
    assert call("POST", "runs/log-batch", run_id=run_id, metrics=[metric]) == (200, {})
    found = call("GET", f"logged-models/{model_id}")[1]["model"]["data"]["metrics"]
    assert found == [{**metric, "step": 0, "run_id": run_id}]


def test_search(call: Call, model_id: str) -> None:
    status, answer = call("POST", "logged-models/search", experiment_ids=["0"], filter="name = 'model'")
    assert (status, [model["info"]["model_id"] for model in answer["models"]]) == (200, [model_id])
    order = [{"field_name": "metrics.auc", "ascending": False, "dataset_name": "d", "dataset_digest": "1"}]
    assert call("POST", "logged-models/search", experiment_ids=["0"], order_by=order, max_results=1)[0] == 200
    assert call("POST", "logged-models/search", experiment_ids=["0"], datasets=[{"dataset_name": "x"}]) == (200, {})


BAD = [
    ("POST", "logged-models", {"experiment_id": "0", "name": "a/b"}, 400),
    ("POST", "logged-models", {"name": "a"}, 400),
    ("POST", "logged-models", {"experiment_id": "99"}, 404),
    ("GET", "logged-models/m-none", {}, 404),
    ("PATCH", "logged-models/M", {}, 400),
    ("PATCH", "logged-models/m-none", {"status": "LOGGED_MODEL_READY"}, 404),
    ("POST", "logged-models/search", {"experiment_ids": ["0"], "filter": "nope = 'x'"}, 400),
    ("POST", "logged-models/search", {"experiment_ids": ["0"], "order_by": [{"field_name": "params.x"}]}, 400),
    ("POST", "logged-models/search", {"experiment_ids": ["0"], "order_by": [{"field_name": "name", "dataset_digest": "1"}]}, 400),
    ("POST", "logged-models/search", {"experiment_ids": ["0"], "datasets": [{}]}, 400),
    ("GET", "logged-models/M/artifacts/directories", {"artifact_directory_path": "../x"}, 400),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "fields", "status"), BAD)
def test_errors(call: Call, model_id: str, method: str, path: str, fields: dict[str, object], status: int) -> None:
    assert call(method, path.replace("/M", f"/{model_id}"), **fields)[0] == status


def test_files_of_a_model(call: Call, send: Send, model_id: str) -> None:
    root = f"/api/2.0/mlflow-artifacts/artifacts/0/models/{model_id}/artifacts"
    send("PUT", f"{root}/MLmodel", b"x")
    send("PUT", f"{root}/data/model.pkl", b"xy")
    _, answer = call("GET", f"logged-models/{model_id}/artifacts/directories")
    assert answer == {
        "root_uri": f"mlflow-artifacts:/0/models/{model_id}/artifacts",
        "files": [{"path": "MLmodel", "is_dir": False, "file_size": 1}, {"path": "data", "is_dir": True}],
    }
