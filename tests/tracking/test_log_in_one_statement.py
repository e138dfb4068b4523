"""A batch outside a transaction of others: on PostgreSQL one statement, and no other outcome than step by step."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.models import Event
from core.actors import Actor
from core.errors import DomainError, InvalidInput
from core.postgresql.base import is_planned_each_time
from lineage.models import Edge
from tests.signed_in import READER
from tests.tracking.conftest import NewRun, actions
from tracking.full_runs import get_full_run
from tracking.limits import Point
from tracking.models import Metric
from tracking.services.logging import log_batch, log_metric
from tracking.services.runs import delete_run, update_run

pytestmark = pytest.mark.django_db(transaction=True)
POINTS = [Point(key="loss", value=0.5, timestamp_ms=1, step=step) for step in (1, 2)]


def batches() -> int:
    return actions().count("tracking.batch.logged")


def test_values_and_params_are_one_statement(actor: Actor, new_run: NewRun) -> None:
    run = new_run()
    with CaptureQueriesContext(connection) as asked:
        log_batch(actor=actor, run_id=run.pk, metrics=POINTS, params=[("depth", "3"), ("rate", '"0.1"')])
    if connection.vendor == "postgresql":
        assert len(asked) == 1
    found = get_full_run(READER, run.pk)
    assert sorted(found.params) == [("depth", "3"), ("rate", '"0.1"')]
    assert [(value.key, value.value, value.step) for value in found.metrics] == [("loss", 0.5, 2)]
    assert b'"params":{"depth":"3","rate":"\\"0.1\\""}' in bytes(Event.objects.latest("id").body)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite prepares nothing")
def test_long_statements_of_logging_are_planned_once(actor: Actor, new_run: NewRun) -> None:
    asked: list[str] = []

    def note(execute: Any, statement: str, *more: Any) -> Any:
        asked.append(statement)
        return execute(statement, *more)

    with connection.execute_wrapper(note):
        run = new_run()
        log_batch(actor=actor, run_id=run.pk, metrics=POINTS, params=[("depth", "3")])
        log_metric(actor=actor, run_id=run.pk, point=POINTS[0]._replace(step=3))
        get_full_run(READER, run.pk)
        update_run(actor=actor, run_id=run.pk, status="FINISHED", end_ms=500)
    assert any("WITH changed" in statement for statement in asked)
    assert [text for text in asked if is_planned_each_time(text)] == []


def test_values_that_exist_stay_once(actor: Actor, new_run: NewRun) -> None:
    run = new_run()
    log_batch(actor=actor, run_id=run.pk, metrics=POINTS)
    log_batch(actor=actor, run_id=run.pk, metrics=[*POINTS, POINTS[0]._replace(step=3)])
    log_metric(actor=actor, run_id=run.pk, point=POINTS[0])
    assert sorted(Metric.objects.values_list("step", flat=True)) == [1, 2, 3]
    assert [value.step for value in get_full_run(READER, run.pk).metrics] == [3]
    assert batches() == 2


@pytest.mark.parametrize("values", [(0.0, math.nan), (math.nan, 0.0)])
@pytest.mark.parametrize("together", [True, False])
def test_the_first_of_a_tie_stays(
    actor: Actor, new_run: NewRun, values: tuple[float, float], *, together: bool
) -> None:
    run = new_run()
    points = [POINTS[0]._replace(value=value) for value in values]
    for batch in [points] if together else [[point] for point in points]:
        log_batch(actor=actor, run_id=run.pk, metrics=batch)
    assert [value.is_nan for value in get_full_run(READER, run.pk).metrics] == [math.isnan(values[0])]


def test_params_alone(actor: Actor, new_run: NewRun) -> None:
    run = new_run()
    log_batch(actor=actor, run_id=run.pk, params=[("depth", "3")])
    assert get_full_run(READER, run.pk).params == [("depth", "3")]


def test_a_param_that_is_there_keeps_its_value(actor: Actor, new_run: NewRun) -> None:
    run = new_run()
    log_batch(actor=actor, run_id=run.pk, params=[("depth", "3")])
    log_batch(actor=actor, run_id=run.pk, params=[("depth", "3"), ("rate", "1")])
    with pytest.raises(InvalidInput, match="Changing param values is not allowed"):
        log_batch(actor=actor, run_id=run.pk, metrics=POINTS, params=[("depth", "4"), ("new", "1")])
    found = get_full_run(READER, run.pk)
    assert (sorted(found.params), found.metrics) == ([("depth", "3"), ("rate", "1")], [])
    assert batches() == 2


def test_a_deleted_run_takes_nothing(actor: Actor, new_run: NewRun) -> None:
    run = new_run()
    delete_run(actor=actor, run_id=run.pk)
    with pytest.raises(InvalidInput, match="must be in the 'active' state"):
        log_batch(actor=actor, run_id=run.pk, metrics=POINTS, params=[("depth", "3")])
    found = get_full_run(READER, run.pk)
    assert (found.params, found.metrics, batches()) == ([], [], 0)


def test_what_the_lineage_graph_reads_reaches_it(actor: Actor, new_run: NewRun) -> None:
    run = new_run()
    log_batch(actor=actor, run_id=run.pk, metrics=POINTS, params=[("dataset_version", "orders_v2.1")])
    assert Edge.objects.filter(dst__urn=f"run:{run.pk}", src__name="orders").exists()


def test_of_many_who_log_the_same_param_one_wins(actor: Actor, new_run: NewRun) -> None:
    run = new_run()

    def log(number: int) -> bool:
        try:
            log_batch(actor=actor, run_id=run.pk, metrics=POINTS, params=[("depth", str(number))])
        except DomainError:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(log, range(24)))
    assert outcomes.count(True) == 1
    assert get_full_run(READER, run.pk).params == [("depth", str(outcomes.index(True)))]
    assert batches() == 1
