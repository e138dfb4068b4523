"""What the calls that machines make all day cost in statements: few, and no more of them as there is more to read or
write.

Two of those of a write are the savepoint that stands for the transaction in a test.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.mlflow_api.conftest import Call


@pytest.fixture
def run_id(call: Call) -> str:
    return new_run(call)


def new_run(call: Call) -> str:
    _, made = call("POST", "runs/create", experiment_id="0", user_id="ada", start_time=1)
    return str(made["run"]["info"]["run_id"])


def cost(call: Call, method: str, path: str, **fields: Any) -> int:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        status, answer = call(method, path, **fields)
    assert status == 200, answer
    return len(captured)


def points(count: int, *, key: str = "loss", first: int = 0) -> list[dict[str, Any]]:
    return [{"key": key, "value": 0.5, "timestamp": 1, "step": first + number} for number in range(count)]


def pairs(count: int) -> list[dict[str, str]]:
    return [{"key": f"p{number}", "value": str(number)} for number in range(count)]


def test_a_run_is_started_in_eight(call: Call) -> None:
    # token, experiment, run, tags, node, event; what is answered is what was written
    assert cost(call, "POST", "runs/create", experiment_id="0", start_time=1) == 6 + 2
    assert cost(call, "POST", "runs/create", experiment_id="0", tags=pairs(20)) == 6 + 2


# Token, and on PostgreSQL one statement; on SQLite the run's lock, history, latest, event.
VALUES_ALONE = 2 if connection.vendor == "postgresql" else 5 + 2


@pytest.mark.django_db(transaction=True)
def test_a_metric_is_logged_in_two_on_postgresql(call: Call, run_id: str) -> None:
    for step in range(3):
        point = {"key": "loss", "value": 0.5, "timestamp": 1, "step": step}
        assert cost(call, "POST", "runs/log-metric", run_id=run_id, **point) == VALUES_ALONE


@pytest.mark.django_db(transaction=True)
def test_a_batch_costs_the_same_however_large(call: Call, run_id: str) -> None:
    # token, lock, params, tags as they were, tags, history, latest, event
    few = {"metrics": points(1), "params": pairs(1), "tags": pairs(1)}
    many = {"metrics": points(800, key="many"), "params": [*pairs(1), {"key": "q", "value": "1"}], "tags": pairs(50)}
    assert cost(call, "POST", "runs/log-batch", run_id=run_id, **few) == 8 + 2
    assert cost(call, "POST", "runs/log-batch", run_id=run_id, **many) == 9 + 2  # and what the known param has
    assert cost(call, "POST", "runs/log-batch", run_id=run_id, metrics=points(900, first=1)) == VALUES_ALONE


def test_a_run_is_finished_in_six(call: Call, run_id: str) -> None:
    # token, lock, run, event
    assert cost(call, "POST", "runs/update", run_id=run_id, status="FINISHED", end_time=2) == 4 + 2


def test_a_run_is_read_in_two(call: Call, run_id: str) -> None:
    assert cost(call, "GET", "runs/get", run_id=run_id) == 2
    call("POST", "runs/log-batch", run_id=run_id, metrics=points(50), params=pairs(50), tags=pairs(50))
    assert cost(call, "GET", "runs/get", run_id=run_id) == 2


def test_a_history_is_read_in_two(call: Call, run_id: str) -> None:
    call("POST", "runs/log-batch", run_id=run_id, metrics=points(1))
    assert cost(call, "GET", "metrics/get-history", run_id=run_id, metric_key="loss") == 2
    call("POST", "runs/log-batch", run_id=run_id, metrics=points(500, first=1))
    assert cost(call, "GET", "metrics/get-history", run_id=run_id, metric_key="loss") == 2


@pytest.mark.parametrize(
    ("search", "queries"),
    # by a metric first: one more asks whether the best runs can be read from the index
    [
        ({"filter": "tags.p1 = '1'"}, 3),
        ({"order_by": ["params.p0"]}, 3),
        ({"order_by": ["metrics.loss", "params.p0"]}, 4),
    ],
)
def test_a_search_takes_three_or_four(call: Call, run_id: str, search: dict[str, Any], queries: int) -> None:
    logged = {"metrics": points(2), "params": pairs(2), "tags": pairs(2)}
    call("POST", "runs/log-batch", run_id=run_id, **logged)
    assert cost(call, "POST", "runs/search", experiment_ids=["0"], **search) == queries
    for _ in range(5):
        call("POST", "runs/log-batch", run_id=new_run(call), **logged)
    assert cost(call, "POST", "runs/search", experiment_ids=["0"], **search) == queries
