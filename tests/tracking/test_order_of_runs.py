"""A page by a metric is the same whether it is read from the index of the best values or from all runs sorted."""

from __future__ import annotations

import math
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.actors import Actor
from tests.signed_in import READER
from tests.tracking.conftest import NewRun
from tracking.limits import Point
from tracking.models import Experiment, Run
from tracking.search import order
from tracking.search.runs import search_run_ids
from tracking.services.experiments import create_experiment
from tracking.services.logging import log_batch

VALUES = st.one_of(st.none(), st.just(math.nan), st.just(-math.inf), st.sampled_from([0.0, 1.0, 2.0, 3.0, 4.0]))
EXAMINED = 3


@pytest.fixture
def few_examined(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a page examine three values, so that few runs show what many would."""
    monkeypatch.setattr(order, "_LEAST_EXAMINED", EXAMINED)
    monkeypatch.setattr(order, "_EXAMINED_FOR_ONE", 1)


def log(actor: Actor, run: Run, value: float | None, **other: float) -> None:
    points = [Point(key, number, 1) for key, number in {"acc": value, **other}.items() if number is not None]
    log_batch(actor=actor, run_id=run.pk, metrics=points)


def page(experiment: Experiment, **asked: Any) -> tuple[list[str], str]:
    return search_run_ids(actor=READER, experiment_ids=[str(experiment.pk)], **asked)


def all_sorted(experiment: Experiment, **asked: Any) -> tuple[list[str], str]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(order, "_MOST_EXAMINED", 0)
        return page(experiment, **asked)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    ours=st.lists(st.tuples(VALUES, st.sampled_from([1.0, 2.0])), max_size=7),
    others=st.lists(VALUES, max_size=4),
    direction=st.sampled_from(["ASC", "DESC"]),
    size=st.integers(1, 3),
    filter_string=st.sampled_from(["", "metrics.loss > 1", "metrics.acc < 3"]),
)
@pytest.mark.usefixtures("few_examined")
def test_every_page_is_that_of_all_runs_sorted(
    actor: Actor,
    experiment: Experiment,
    new_run: NewRun,
    ours: list[tuple[float | None, float]],
    others: list[float | None],
    direction: str,
    size: int,
    filter_string: str,
) -> None:
    with transaction.atomic():
        elsewhere = create_experiment(actor=actor, name="elsewhere")
        for value, loss in ours:
            log(actor, new_run(), value, loss=loss)
        for value in others:
            log(actor, new_run(experiment_id=elsewhere.pk), value)
        keys = [f"metrics.acc {direction}", "metrics.loss ASC"]
        asked = {"order_by": keys, "max_results": size, "filter_string": filter_string}
        token, more = "", True
        while more:
            found = page(experiment, **asked, page_token=token)
            assert found == all_sorted(experiment, **asked, page_token=token)
            token = found[1]
            more = bool(token)
        transaction.set_rollback(True)


def test_the_best_of_many_are_read_without_the_rest(actor: Actor, experiment: Experiment, new_run: NewRun) -> None:
    for number in range(EXAMINED + 3):
        log(actor, new_run(name=f"r{number}"), float(number))
    with pytest.MonkeyPatch.context() as patched, CaptureQueriesContext(connection) as queries:
        patched.setattr(order, "_LEAST_EXAMINED", EXAMINED)
        patched.setattr(order, "_EXAMINED_FOR_ONE", 1)
        ids, _ = page(experiment, order_by=["metrics.acc DESC"], max_results=2)
    assert [Run.objects.get(pk=pk).name for pk in ids] == ["r5", "r4"]
    assert [query["sql"].count("LEFT OUTER JOIN") for query in queries if "order_0" in query["sql"]] == [0]


def test_the_values_are_read_from_the_index(actor: Actor, experiment: Experiment, new_run: NewRun) -> None:
    log(actor, new_run(), 1.0)
    with CaptureQueriesContext(connection) as captured:
        page(experiment, order_by=["metrics.acc DESC"], max_results=2)
    statement = next(query["sql"] for query in captured if "OFFSET" in query["sql"])
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute("SET LOCAL enable_sort = off")
        cursor.execute(f"EXPLAIN {'QUERY PLAN ' if connection.vendor == 'sqlite' else ''}{statement}")
        assert "tracking_latestmetric_best" in str(cursor.fetchall())
