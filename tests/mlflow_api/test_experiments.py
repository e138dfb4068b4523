"""Experiments over the wire."""

import pytest

from tests.mlflow_api.conftest import Call


def test_life_of_an_experiment(call: Call) -> None:
    _, made = call("POST", "experiments/create", name="churn", tags=[{"key": "team", "value": "risk"}])
    number = made["experiment_id"]
    status, answer = call("GET", "experiments/get", experiment_id=number)
    found = answer["experiment"]
    assert status == 200
    assert isinstance(found.pop("creation_time"), int)
    assert isinstance(found.pop("last_update_time"), int)
    assert found == {
        "experiment_id": number,
        "name": "churn",
        "artifact_location": f"mlflow-artifacts:/{number}",
        "lifecycle_stage": "active",
        "tags": [{"key": "team", "value": "risk"}],
    }
    assert call("GET", "experiments/get-by-name", experiment_name="churn")[1]["experiment"]["experiment_id"] == number
    assert call("POST", "experiments/update", experiment_id=number, new_name="churn-2") == (200, {})
    assert call("POST", "experiments/delete", experiment_id=number) == (200, {})
    assert call("POST", "experiments/restore", experimentId=number) == (200, {})


def test_tags(call: Call) -> None:
    assert call("POST", "experiments/set-experiment-tag", experiment_id="0", key="a", value="") == (200, {})
    assert call("GET", "experiments/get", experiment_id="0")[1]["experiment"]["tags"] == [{"key": "a", "value": ""}]
    assert call("POST", "experiments/delete-experiment-tag", experiment_id="0", key="a") == (200, {})
    assert "tags" not in call("GET", "experiments/get", experiment_id="0")[1]["experiment"]


ERRORS = [
    ("POST", "experiments/create", {}, 400, "INVALID_PARAMETER_VALUE", "Missing value for required parameter 'name'"),
    ("POST", "experiments/create", {"name": "Default"}, 400, "RESOURCE_ALREADY_EXISTS", "already exists"),
    (
        "POST",
        "experiments/delete",
        {"experiment_id": "999"},
        404,
        "RESOURCE_DOES_NOT_EXIST",
        "No Experiment with id=999",
    ),
    (
        "GET",
        "experiments/get",
        {"experiment_id": "999"},
        404,
        "RESOURCE_DOES_NOT_EXIST",
        "No Experiment with id=999 exists",
    ),
    ("GET", "experiments/get", {"experiment_id": "abc"}, 400, "INVALID_PARAMETER_VALUE", "must be a valid integer"),
    ("GET", "experiments/get-by-name", {"experiment_name": "x"}, 404, "RESOURCE_DOES_NOT_EXIST", "with name 'x'"),
    ("POST", "experiments/search", {}, 400, "INVALID_PARAMETER_VALUE", "Invalid value 0 for parameter 'max_results'"),
    (
        "POST",
        "experiments/search",
        {"max_results": 5, "filter": "a"},
        400,
        "INVALID_PARAMETER_VALUE",
        "Invalid attribute",
    ),
    ("POST", "experiments/search", {"max_results": "x"}, 400, "INVALID_PARAMETER_VALUE", "max_results"),
]


@pytest.mark.parametrize(("method", "path", "fields", "status", "code", "message"), ERRORS)
def test_errors(
    call: Call, method: str, path: str, fields: dict[str, object], status: int, code: str, message: str
) -> None:
    answered, error = call(method, path, **fields)
    assert (answered, error["error_code"]) == (status, code)
    assert message in error["message"]


def test_rename_of_a_deleted_one_is_an_invalid_state(call: Call) -> None:
    number = call("POST", "experiments/create", name="churn")[1]["experiment_id"]  # ada manages it
    assert call("POST", "experiments/delete", experiment_id=number) == (200, {})
    status, error = call("POST", "experiments/update", experiment_id=number, new_name="x")
    assert error["error_code"] == "INVALID_STATE"
    assert 400 <= status < 500  # MLflow's own 500 would make clients retry for minutes


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_search(call: Call, method: str) -> None:
    for name in ("a", "b"):
        call("POST", "experiments/create", name=name)
    status, answer = call(method, "experiments/search", max_results=2, order_by=["name ASC"], view_type="ACTIVE_ONLY")
    assert status == 200
    assert len(answer["experiments"]) == 2
    token = answer["next_page_token"]
    _, rest = call(method, "experiments/search", max_results=2, order_by=["name ASC"], page_token=token)
    assert len(rest["experiments"]) == 1
    assert "next_page_token" not in rest
    assert call(method, "experiments/search", max_results=2, filter="name = 'none'") == (200, {})


def test_search_datasets(call: Call) -> None:
    _, made = call("POST", "runs/create", experiment_id="0")
    item = {"dataset": {"name": "orders", "digest": "d1", "source_type": "local", "source": "{}"}}
    call("POST", "runs/log-inputs", run_id=made["run"]["info"]["run_id"], datasets=[item])
    summaries = [{"experiment_id": "0", "name": "orders", "digest": "d1"}]
    assert call("POST", "experiments/search-datasets", experiment_ids=["0"]) == (200, {"dataset_summaries": summaries})
