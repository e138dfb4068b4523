"""Who besides its creator logged to a run is kept: what a run says is evidence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from django.db import DatabaseError, connection, transaction

from core.actors import Actor
from core.append_only import AppendOnlyError
from core.errors import InvalidInput
from tests.tracking.conftest import NewRun
from tracking.limits import Point
from tracking.models import Run, RunWriter
from tracking.services.inputs import DatasetInput, log_inputs
from tracking.services.logging import log_batch, log_metric, log_param, set_tag
from tracking.services.runs import delete_run, update_run

POINT = Point(key="loss", value=0.5, timestamp_ms=1)
DATA = DatasetInput(name="orders", digest="d1", source_type="local", source="x")
WAYS: dict[str, Callable[[Actor, str], object]] = {
    "metric": lambda actor, run_id: log_metric(actor=actor, run_id=run_id, point=POINT),
    "param": lambda actor, run_id: log_param(actor=actor, run_id=run_id, key="depth", value="3"),
    "tag": lambda actor, run_id: set_tag(actor=actor, run_id=run_id, key="team", value="x"),
    "batch": lambda actor, run_id: log_batch(actor=actor, run_id=run_id, metrics=[POINT], params=[("depth", "3")]),
    "inputs": lambda actor, run_id: log_inputs(actor=actor, run_id=run_id, datasets=[DATA]),
    "status": lambda actor, run_id: update_run(actor=actor, run_id=run_id, status="FINISHED"),
}


def writers(run: Run) -> list[str]:
    return sorted(RunWriter.objects.filter(run_id=run.pk).values_list("name", flat=True))


@pytest.mark.parametrize("way", WAYS)
def test_whoever_logs_is_noted_once(actor: Actor, run: Run, way: str) -> None:
    WAYS[way](actor, run.pk)
    assert writers(run) == []  # its creator is known
    for _ in range(2):
        log_metric(actor=replace(actor, name="bea"), run_id=run.pk, point=POINT)
    WAYS[way](replace(actor, name="carl"), run.pk)
    assert writers(run) == ["bea", "carl"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("way", ["metric", "batch"])
def test_in_one_statement_too(actor: Actor, new_run: NewRun, way: str) -> None:
    run = new_run()
    WAYS[way](actor, run.pk)
    WAYS[way](replace(actor, name="bea"), run.pk)
    log_metric(actor=replace(actor, name="bea"), run_id=run.pk, point=POINT)
    assert writers(run) == ["bea"]


def test_a_refusal_notes_nobody(actor: Actor, run: Run) -> None:
    delete_run(actor=actor, run_id=run.pk)
    with pytest.raises(InvalidInput):
        log_metric(actor=replace(actor, name="bea"), run_id=run.pk, point=POINT)
    assert writers(run) == []


def test_nobody_is_struck_out(actor: Actor, run: Run) -> None:
    log_metric(actor=replace(actor, name="bea"), run_id=run.pk, point=POINT)
    with pytest.raises(AppendOnlyError):
        RunWriter.objects.all().delete()
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM tracking_runwriter")
    assert writers(run) == ["bea"]
