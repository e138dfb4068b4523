"""The statements that clients send most often are planned once for each connection, with plans that use indexes.

PostgreSQL keeps the plan of a prepared statement where it expects no more of it than of one made for the values. A plan
that was made while the tables were empty must still be right a minute later (docs/decisions/0290).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

import pytest
from django.db import connection

from tests.mlflow_api.conftest import Call

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite prepares nothing"),
]
# Five uses prepare a statement, and after five plans for the values the server may keep one.
_CALLS = 30
_PLANNED_ANEW = 5
# Tables that clients do not fill within seconds.
_FEW_ROWS = {"tracking_experiment", "tracking_patterngrant"}


class _Prepared(NamedTuple):
    """A prepared statement, and how often its plan was kept, and made for the values."""

    name: str
    text: str
    types: list[str]
    kept: int
    anew: int


def test_statements_of_frequent_calls_are_planned_once(call: Call) -> None:
    run_id = _new_run(call)
    for step in range(_CALLS):
        _live(call, run_id, step)
    prepared = [each for each in _prepared() if each.kept + each.anew >= _CALLS / 2]
    assert len(prepared) > 10
    assert [each.text for each in prepared if each.anew > _PLANNED_ANEW] == []
    assert {each.text: whole for each in prepared if (whole := _tables_read_whole(each))} == {}


def _new_run(call: Call) -> str:
    experiment_id = call("POST", "experiments/create", name="planned once")[1]["experiment_id"]
    return str(call("POST", "runs/create", experiment_id=experiment_id, start_time=1)[1]["run"]["info"]["run_id"])


def _live(call: Call, run_id: str, step: int) -> None:
    """Make each of the frequent calls once."""
    metric = {"key": "loss", "value": 0.5, "timestamp": 1, "step": step}
    experiment_id = call("GET", "runs/get", run_id=run_id)[1]["run"]["info"]["experiment_id"]
    calls: list[Callable[[], tuple[int, object]]] = [
        lambda: call("POST", "runs/create", experiment_id=experiment_id, start_time=1),
        lambda: call("POST", "runs/log-metric", run_id=run_id, **metric),
        lambda: call("POST", "runs/log-parameter", run_id=run_id, key=f"p{step}", value="1"),
        lambda: call("POST", "runs/set-tag", run_id=run_id, key="note", value=str(step)),
        lambda: call("POST", "runs/log-batch", run_id=run_id, metrics=[metric], params=[], tags=[]),
        lambda: call("POST", "runs/update", run_id=run_id, status="RUNNING"),
        lambda: call("GET", "metrics/get-history", run_id=run_id, metric_key="loss"),
        lambda: call("GET", "experiments/get", experiment_id=experiment_id),
    ]
    for one in calls:
        status, answer = one()
        assert status == 200, answer


def _prepared() -> list[_Prepared]:
    """Return the prepared statements of this connection."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, statement, parameter_types::text[], generic_plans, custom_plans FROM pg_prepared_statements"
        )
        return [_Prepared(*row) for row in cursor.fetchall()]


def _tables_read_whole(prepared: _Prepared) -> list[str]:
    """Return the tables that the kept plan of a statement reads from the first row to the last."""
    values = ", ".join(f"NULL::{kind}" for kind in prepared.types)
    with connection.cursor() as cursor:
        cursor.execute(f'EXPLAIN EXECUTE "{prepared.name}"' + (f"({values})" if values else ""))
        plan = "\n".join(line for (line,) in cursor.fetchall())
    return sorted(set(re.findall(r"Seq Scan on (\w+)", plan)) - _FEW_ROWS)
