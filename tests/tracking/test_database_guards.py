"""What the database itself holds, whoever asks it: no value of a metric without its run."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, connection, transaction

from core.actors import Actor
from tracking.limits import Point
from tracking.models import LatestMetric, Metric, Run
from tracking.services.logging import log_metric
from tracking.services.runs import create_run

INSERT = (
    "INSERT INTO tracking_metric (run_id, key, value, is_nan, timestamp_ms, step, model_id, dataset_name, dataset_digest) "
    "VALUES (%s, 'loss', 0.5, false, 1, 0, '', '', '')"
)


def at_once(statement: str, values: list[str]) -> None:
    """Run a statement in a transaction of its own, its constraints checked as a commit would."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)
        connection.check_constraints()


@pytest.fixture
def run(actor: Actor) -> Run:
    made = create_run(actor=actor)
    log_metric(actor=actor, run_id=made.pk, point=Point("loss", 0.5, 1))
    return made


def test_no_value_without_its_run(run: Run) -> None:
    with pytest.raises(IntegrityError):
        at_once(INSERT, ["f" * 32])
    assert Metric.objects.count() == 1


def test_no_value_is_moved_to_a_run_that_is_not_there(run: Run) -> None:
    with pytest.raises(IntegrityError):
        at_once("UPDATE tracking_metric SET run_id = %s", ["f" * 32])
    assert Metric.objects.get().run_id == run.pk


@pytest.mark.parametrize("statement", ["DELETE FROM tracking_run", "UPDATE tracking_run SET id = 'x'"])
def test_no_run_goes_from_under_its_values(run: Run, statement: str) -> None:
    run.tags.all().delete()
    LatestMetric.objects.all().delete()
    with pytest.raises(IntegrityError):
        at_once(statement, [])
    assert Run.objects.get() == run


def test_a_run_without_values_may_go(actor: Actor) -> None:
    run = create_run(actor=actor)
    run.tags.all().delete()
    at_once("DELETE FROM tracking_run", [])
    assert not Run.objects.exists()


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite keeps its foreign key, which costs little there")
def test_values_are_checked_by_statement_and_not_one_by_one(actor: Actor) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname FROM pg_constraint WHERE conrelid = 'tracking_metric'::regclass AND contype = 'f'"
        )
        assert cursor.fetchall() == []
