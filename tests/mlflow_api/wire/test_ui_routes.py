"""The routes that MLflow's own pages use: files by run, version and logged model, histories of many runs,
one upload.
"""

from __future__ import annotations

from typing import Any

import pytest

from audit.models import Event
from tests.mlflow_api.conftest import Call, Send

FILES = "/api/2.0/mlflow-artifacts/artifacts"


@pytest.fixture
def run_id(call: Call) -> str:
    found: str = call("POST", "runs/create", experiment_id="0")[1]["run"]["info"]["run_id"]
    return found


def body_of(answer: Any) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def test_an_upload_is_a_file_of_the_run(send: Send, run_id: str) -> None:
    where = f"/ajax-api/2.0/mlflow/upload-artifact?run_uuid={run_id}&path=sub/note.txt"
    assert send("POST", where, b"noted").status_code == 200
    for query in (f"run_id={run_id}", f"run_uuid={run_id}"):
        answer = send("GET", f"/get-artifact?{query}&path=sub/note.txt")
        assert (answer.status_code, body_of(answer)) == (200, b"noted")
        assert answer["Content-Disposition"] == 'attachment; filename="note.txt"'
    assert body_of(send("GET", f"{FILES}/0/{run_id}/artifacts/sub/note.txt")) == b"noted"


@pytest.mark.parametrize(
    ("query", "data", "status"),
    [
        ("path=x", b"x", 400),
        ("run_uuid={run}", b"x", 400),
        ("run_uuid={run}&path=x", b"", 400),
        ("run_uuid={run}&path=../x", b"x", 400),
        ("run_uuid={run}&path=%252e%252e/x", b"x", 400),
        ("run_uuid=none&path=x", b"x", 404),
        ("run_uuid={run}&path=x", b"x" * (10 * 2**20 + 1), 413),
    ],
)
def test_a_wrong_upload_stores_nothing(send: Send, run_id: str, query: str, data: bytes, status: int) -> None:
    before = Event.objects.filter(outcome="ok").count()
    answer = send("POST", f"/ajax-api/2.0/mlflow/upload-artifact?{query.format(run=run_id)}", data)
    assert (answer.status_code, "error_code" in answer.json()) == (status, True)
    assert Event.objects.filter(outcome="ok").count() == before


def test_a_file_of_a_version_and_of_a_logged_model(call: Call, send: Send, run_id: str) -> None:
    model_id = call("POST", "logged-models", experiment_id="0", source_run_id=run_id)[1]["model"]["info"]["model_id"]
    send("PUT", f"{FILES}/0/models/{model_id}/artifacts/MLmodel", b"flavors: {}\n")
    call("POST", "registered-models/create", name="clf")
    call("POST", "model-versions/create", name="clf", source=f"models:/{model_id}", run_id=run_id, model_id=model_id)
    answer = send("GET", "/model-versions/get-artifact?name=clf&version=1&path=MLmodel")
    assert (answer.status_code, body_of(answer)) == (200, b"flavors: {}\n")
    answer = send("GET", f"/api/2.0/mlflow/logged-models/{model_id}/artifacts/files?artifact_file_path=MLmodel")
    assert (answer.status_code, body_of(answer)) == (200, b"flavors: {}\n")


@pytest.mark.parametrize(
    ("where", "status"),
    [
        ("/get-artifact?run_id=none&path=x", 404),
        ("/get-artifact?run_id={run}", 400),
        ("/get-artifact?path=x", 400),
        ("/get-artifact?run_id={run}&path=../../../../etc/passwd", 400),
        ("/get-artifact?run_id={run}&path=/etc/passwd", 400),
        ("/get-artifact?run_id={run}&path=%252e%252e%252fetc", 400),
        ("/get-artifact?run_id={run}&path=none", 404),
        ("/model-versions/get-artifact?name=none&version=1&path=x", 404),
        ("/model-versions/get-artifact?name=none&version=x&path=x", 400),
        ("/model-versions/get-artifact?name=none&path=x", 400),
        ("/api/2.0/mlflow/logged-models/m-0/artifacts/files?artifact_file_path=x", 404),
    ],
)
def test_files_that_are_not_there(send: Send, run_id: str, where: str, status: int) -> None:
    answer = send("GET", where.format(run=run_id))
    assert (answer.status_code, {"error_code", "message"} <= answer.json().keys()) == (status, True)
    assert send("POST", where.format(run=run_id)).status_code == 405


def test_histories_of_many_runs(call: Call, run_id: str) -> None:
    other = call("POST", "runs/create", experiment_id="0")[1]["run"]["info"]["run_id"]
    for run, step in ((run_id, 0), (run_id, 1), (other, 0)):
        call("POST", "runs/log-metric", run_id=run, key="loss", value="NaN", timestamp=step, step=step)
    status, answer = call("GET", "metrics/get-history-bulk", run_id=[run_id, other, "none"], metric_key="loss")
    points = [(one["run_id"], one["step"], one["value"]) for one in answer["metrics"]]
    assert (status, points) == (200, sorted([(run_id, 0, "NaN"), (run_id, 1, "NaN"), (other, 0, "NaN")]))
    _, answer = call("GET", "metrics/get-history-bulk", run_id=[run_id, other], metric_key="loss", max_results=2)
    assert len(answer["metrics"]) == 2
    assert call("GET", "metrics/get-history-bulk", run_id="none", metric_key="loss") == (200, {"metrics": []})


@pytest.mark.parametrize(
    "fields", [{"metric_key": "m"}, {"run_id": "x"}, {"run_id": ["x"] * 101, "metric_key": "m"}, {"max_results": -1}]
)
def test_a_wrong_question_for_histories(call: Call, run_id: str, fields: dict[str, Any]) -> None:
    more = {"run_id": run_id, "metric_key": "m"} if "max_results" in fields else {}
    assert call("GET", "metrics/get-history-bulk", **fields, **more)[0] == 400
