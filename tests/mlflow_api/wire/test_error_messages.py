"""What a refusal says first, where scripts that were written against MLflow's servers look for it."""

import pytest

from tests.mlflow_api.conftest import Call, Send

SEARCH = ("GET", "model-versions/search")
ORDER: dict[str, object] = {"order_by": ["name ASC", "last_updated_timestamp DESC blah"]}
INTERVAL = "metrics/get-history-bulk-interval"
LIST = "While parsing a list in the query, expected a non-empty list of string values, but got "

WORDS: list[tuple[str, str, dict[str, object], str]] = [
    ("POST", "experiments/create", {"name": "e", "tags": "5"}, "Invalid value \"5\" for parameter 'tags' supplied"),
    ("POST", "runs/log-metric", {"run_id": 31, "key": "m"}, "Invalid value 31 for parameter 'run_id' supplied"),
    ("POST", "runs/set-tag", {"run_id": "R", "key": "a#b", "value": "v"}, "Invalid value \"a#b\" for parameter 'key'"),
    ("POST", "runs/set-tag", {"run_id": "R", "key": "k" * 251, "value": "v"}, "'key' exceeds the maximum length of 250"),
    ("POST", "runs/log-parameter", {"run_id": "R", "key": "k" * 251, "value": "v"}, "'key' exceeds the maximum length"),
    (
        "POST",
        "runs/log-batch",
        {"run_id": "R", "tags": [{"key": "a#b", "value": "v"}]},
        'Invalid value "a#b" for parameter \'tags[0].key\'',
    ),
    (
        "POST",
        "runs/log-inputs",
        {"run_id": "R", "datasets": [{"dataset": {"name": "n" * 501, "digest": "d"}}]},
        "'name' exceeds the maximum length of 500 characters in datasets[0]",
    ),
    ("POST", "runs/log-model", {"run_id": "R", "model_json": "x"}, "Malformed model info"),
    ("POST", "experiments/search-datasets", {}, "SearchDatasets request must specify at least one experiment_id."),
    (
        "POST",
        "experiments/search-datasets",
        {"experiment_ids": ["0"] * 21},
        "SearchDatasets request cannot specify more than 20",
    ),
    ("GET", "metrics/get-history-bulk", {"run_id": "R"}, "GetMetricHistoryBulk request must specify a metric_key."),
    ("GET", INTERVAL, {"metric_key": "k"}, "Missing value for required parameter 'run_ids'."),
    ("GET", INTERVAL, {"metric_key": "k", "run_ids": ["x"] * 101}, "GetMetricHistoryBulkInterval request must specify at"),
    ("GET", INTERVAL, {"metric_key": "k", "run_ids": "R", "max_results": 0}, "max_results must be between 1 and 2500"),
    (
        "GET",
        INTERVAL,
        {"metric_key": "k", "run_ids": "R", "start_step": 1, "end_step": 0},
        "end_step must be greater than start_step. ",
    ),
    ("GET", INTERVAL, {"metric_key": "k", "run_ids": "R", "start_step": 1}, "If either start step or end step are"),
    (*SEARCH, {"filter": "run_id IN ()"}, f"{LIST}empty list"),
    (*SEARCH, {"filter": "run_id IN (,)"}, f"{LIST}ill-formed list"),
    (*SEARCH, {"filter": "run_id IN ('a',,'b')"}, f"{LIST}ill-formed list"),
    (*SEARCH, {"filter": "run_id IN (1)"}, "While parsing a list in the query, expected string value"),
    (*SEARCH, {"filter": "run_id IN ("}, "Invalid clause(s) in filter string"),
    (*SEARCH, {"filter": "name != some"}, "Parameter value is either not quoted or unidentified quote types used for string value some."),
    (*SEARCH, {"order_by": ["run_id"]}, "Invalid attribute key 'run_id' specified"),
    (*SEARCH, ORDER, "Invalid order_by clause 'last_updated_timestamp DESC blah'"),
    ("GET", "registered-models/search", {"order_by": ["run_id"]}, "Invalid order by key 'run_id' specified"),
    (
        "POST",
        "logged-models/search",
        {"experiment_ids": ["0"], "order_by": [{"field_name": "params.x"}]},
        "Invalid order by field name: params.x",
    ),
    (
        "POST",
        "experiments/search",
        {"max_results": 1, "filter": "name IS NULL"},
        "IS NULL / IS NOT NULL is only supported for tags",
    ),
    ("POST", "registered-models/create", {"name": "a/b"}, "Invalid model name 'a/b'. Names cannot contain '/' or ':'."),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "fields", "words"), WORDS)
def test_a_refusal_begins_with_the_words(
    call: Call, method: str, path: str, fields: dict[str, object], words: str
) -> None:
    run_id = call("POST", "runs/create", experiment_id="0")[1]["run"]["info"]["run_id"]
    filled = {name: run_id if value == "R" else value for name, value in fields.items()}
    status, answer = call(method, path, **filled)
    assert (status, answer["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert answer["message"].startswith(words), answer


def test_a_tag_that_is_too_long_says_so(call: Call) -> None:
    call("POST", "registered-models/create", name="m")
    status, answer = call("POST", "registered-models/set-tag", name="m", key="k", value="v" * 100_001)
    assert (status, answer["error_code"]) == (413, "INVALID_PARAMETER_VALUE")
    assert answer["message"].startswith("'value' exceeds the maximum length of 100000 characters")


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("path=x", "Request must specify run_uuid."),
        ("run_uuid={run}", "Request must specify path."),
        ("run_uuid={run}&path=../x", "Invalid path"),
        ("run_uuid={run}&path=x", "Request must specify data."),
    ],
)
def test_what_an_upload_lacks(call: Call, send: Send, query: str, words: str) -> None:
    run_id = call("POST", "runs/create", experiment_id="0")[1]["run"]["info"]["run_id"]
    answer = send("POST", f"/ajax-api/2.0/mlflow/upload-artifact?{query.format(run=run_id)}")
    assert (answer.status_code, answer.json()["message"]) == (400, words)


@pytest.mark.parametrize("path", ["../path", "/etc/passwd", "a/%252e%252e/b"])
def test_a_path_that_leads_out_is_invalid_and_no_more_is_said(call: Call, path: str) -> None:
    run_id = call("POST", "runs/create", experiment_id="0")[1]["run"]["info"]["run_id"]
    status, answer = call("GET", "artifacts/list", run_id=run_id, path=path.replace("%25", "%"))
    assert (status, answer) == (400, {"error_code": "INVALID_PARAMETER_VALUE", "message": "Invalid path"})


def test_a_dot_lists_the_folder_itself(call: Call, send: Send) -> None:
    """`download_artifacts(artifact_path=".")` asks for it."""
    run_id = call("POST", "runs/create", experiment_id="0")[1]["run"]["info"]["run_id"]
    root = f"0/{run_id}/artifacts"
    send("PUT", f"/api/2.0/mlflow-artifacts/artifacts/{root}/note.txt", b"x")
    files = [{"path": "note.txt", "is_dir": False, "file_size": 1}]
    assert send("GET", f"/api/2.0/mlflow-artifacts/artifacts?path={root}/.").json() == {"files": files}
    assert call("GET", "artifacts/list", run_id=run_id, path=".")[1]["files"] == files
