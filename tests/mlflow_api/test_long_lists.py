"""Long answers come from a temporary file, take constant memory, and are the same as short ones."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.http import FileResponse

from mlflow_api import long_lists
from tests.mlflow_api.conftest import Call, Send
from tracking.full_runs import full_runs
from tracking.models import Run, RunTag

BODY = {"experiment_ids": ["0"], "order_by": ["attributes.run_name"]}


@pytest.fixture
def five(call: Call) -> None:
    for number in range(5):
        call("POST", "runs/create", experiment_id="0", run_name=f"r{number}", start_time=number)


def search(send: Send, **fields: Any) -> Any:
    return send("POST", "/api/2.0/mlflow/runs/search", orjson.dumps(BODY | fields), content_type="application/json")


@pytest.mark.parametrize("fields", [{}, {"max_results": 4}], ids=["the last page", "a page before others"])
def test_a_long_answer_equals_a_short_one(
    five: None, send: Send, monkeypatch: pytest.MonkeyPatch, fields: dict[str, int]
) -> None:
    short = search(send, **fields).content
    monkeypatch.setattr(long_lists, "_PART", 2)
    monkeypatch.setattr(long_lists, "_BYTES_IN_MEMORY", 100)
    answer = search(send, **fields)
    assert isinstance(answer, FileResponse)
    content: bytes = answer.getvalue()
    assert orjson.loads(content) == orjson.loads(short)
    assert answer["Content-Length"] == str(len(content))


def test_no_row_has_no_list(send: Send, call: Call) -> None:
    assert call("POST", "runs/search", experiment_ids=["0"]) == (200, {})


def test_rows_that_are_deleted_meanwhile_are_left_out(five: None, send: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_lists, "_PART", 2)
    monkeypatch.setattr(
        "mlflow_api.runs.full_runs", lambda ids: [run for run in full_runs(ids) if run.name not in {"r0", "r2", "r3"}]
    )
    answer = orjson.loads(search(send).getvalue())
    assert [run["info"]["run_name"] for run in answer["runs"]] == ["r1", "r4"]


def test_an_error_in_the_middle_has_its_own_status(five: None, send: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_lists, "_PART", 2)
    calls = iter(range(9))
    monkeypatch.setattr("mlflow_api.runs.full_runs", lambda ids: full_runs(ids) if next(calls) < 1 else 1 / 0)
    answer = search(send)
    assert answer.status_code == 500
    assert orjson.loads(answer.content)["error_code"] == "INTERNAL_ERROR"


def test_a_disk_without_room_is_an_outage(
    five: None, send: Send, monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path
) -> None:
    monkeypatch.setattr(long_lists, "_PART", 2)
    monkeypatch.setattr(long_lists, "_BYTES_IN_MEMORY", 100)
    settings.DATA_DIR = tmp_path / "missing"
    answer = search(send)
    assert (answer.status_code, answer["Retry-After"]) == (503, "2")
    assert "max_results" in orjson.loads(answer.content)["message"]


def test_memory_does_not_grow_with_the_answer(send: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_lists, "_PART", 50)
    runs = [Run(id=f"{number:032x}", experiment_id=0, name="r", start_ms=number) for number in range(2000)]
    Run.objects.bulk_create(runs)
    RunTag.objects.bulk_create([RunTag(run=run, key="k", value="x" * 5000) for run in runs])
    search(send, max_results=1)
    tracemalloc.start()
    try:
        answer = search(send, max_results=2000)
        length = sum(len(piece) for piece in answer.streaming_content)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    answer.close()
    assert length > 10_000_000
    assert most < 6_000_000


def test_versions_in_parts(call: Call, send: Send, monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.ALLOWED_SOURCES = ["s3://bench/"]
    call("POST", "registered-models/create", name="m")
    for number in range(3):
        call(
            "POST", "model-versions/create", name="m", source=f"s3://bench/{number}", tags=[{"key": "k", "value": "ü"}]
        )
    call("POST", "registered-models/alias", name="m", alias="champion", version="2")
    _, short = call("GET", "model-versions/search")
    monkeypatch.setattr(long_lists, "_PART", 2)
    answer = send("GET", "/api/2.0/mlflow/model-versions/search")
    assert orjson.loads(answer.getvalue()) == short
    assert [version["version"] for version in short["model_versions"]] == ["3", "2", "1"]
    assert short["model_versions"][1]["aliases"] == ["champion"]
