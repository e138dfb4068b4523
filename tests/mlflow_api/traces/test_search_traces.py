"""POST 3.0 traces/search and its older form; the filter language itself is tests/traces/test_search_traces.py."""

from __future__ import annotations

from typing import Any

import pytest

from tests.mlflow_api.conftest import Call
from tests.mlflow_api.traces.conftest import TRACE, Call3, info

pytestmark = pytest.mark.django_db
WHERE = [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}}]


@pytest.fixture(autouse=True)
def traces(call3: Call3) -> None:
    for number in range(3):
        sent = info(trace_id=f"tr-{number:032x}", request_time=f"2026-11-29T07:00:0{number}Z")
        call3("POST", "traces", trace={"trace_info": sent})


def test_bare_infos_come_newest_first_page_by_page(call3: Call3) -> None:
    status, answer = call3("POST", "traces/search", locations=WHERE, max_results=2)
    assert status == 200
    assert [found["trace_id"][-1] for found in answer["traces"]] == ["2", "1"]
    assert answer["traces"][0]["tags"]["mlflow.traceName"] == "answer"
    last = call3("POST", "traces/search", locations=WHERE, max_results=2, page_token=answer["next_page_token"])[1]
    assert ([found["trace_id"][-1] for found in last["traces"]], "next_page_token" in last) == (["0"], False)


def test_nothing_found_is_an_empty_answer(call3: Call3) -> None:
    elsewhere = [{"mlflow_experiment": {"experiment_id": "55"}}]
    failed = {"locations": WHERE, "filter": "status = 'ERROR'"}
    questions: list[dict[str, Any]] = [{"locations": []}, {"locations": elsewhere}, failed]
    for asked in questions:
        assert call3("POST", "traces/search", **asked) == (200, {})


def test_mlflow_2_searches_too(call: Call) -> None:
    status, answer = call("GET", "traces", experiment_ids=["0", "1"], order_by=["timestamp_ms ASC"], max_results=1)
    assert status == 200
    (found,) = answer["traces"]
    assert found == {
        "request_id": f"tr-{0:032x}",
        "experiment_id": "0",
        "timestamp_ms": 1795935600000,
        "execution_time_ms": 183,
        "status": "OK",
        "request_metadata": [{"key": "mlflow.trace_schema.version", "value": "3"}],
        "tags": [
            {"key": "mlflow.artifactLocation", "value": f"mlflow-artifacts:/0/traces/tr-{0:032x}/artifacts"},
            {"key": "mlflow.traceName", "value": "answer"},
        ],
    }
    assert answer["next_page_token"]
    assert call("GET", "traces")[0] == 400


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"locations": None},
        {"locations": "x"},
        {"locations": [{}]},
        {"locations": [{"inference_table": {"full_table_name": "a.b.c"}}]},
        {"locations": [{"mlflow_experiment": {"experiment_id": "x"}}]},
        {"locations": WHERE, "filter": "status ="},
        {"locations": WHERE, "filter": f"trace_id = '{TRACE}'"},
        {"locations": WHERE, "order_by": ["x"]},
        {"locations": WHERE, "order_by": "status"},
        {"locations": WHERE, "max_results": 0},
        {"locations": WHERE, "max_results": 501},
        {"locations": WHERE, "page_token": "garbage"},
    ],
)
def test_what_cannot_be_asked_is_refused(call3: Call3, fields: dict[str, Any]) -> None:
    status, answer = call3("POST", "traces/search", **fields)
    assert (status, answer["error_code"]) == (400, "INVALID_PARAMETER_VALUE"), answer
