"""Events of real producers, recorded by tests/lineage/clients/record_producers.py, in any order and repeated."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from core.actors import Actor
from lineage.models import JobRun, LineageEvent, Node, Relation
from lineage.openlineage.inbox import receive_batch
from lineage.openlineage.merge import facets_of
from lineage.queries import descendants, find_node
from lineage.suggestions.derive import open_suggestions
from tests.lineage.openlineage.events import Event, edge_keys


def recorded(producer: str) -> list[Event]:
    """Return the recorded events of a producer, in the order in which it sent them."""
    text = (Path(__file__).parent / "recorded" / f"{producer}.json").read_text(encoding="utf-8")
    events: list[Event] = json.loads(text)
    return events


def shuffled(events: list[Event], seed: int) -> list[Event]:
    """Return every event twice, in an order that depends on the seed; 0 is the order in which they were sent."""
    twice = [*events, *events]
    if seed:
        random.Random(seed).shuffle(twice)  # noqa: S311 - an order, no secret
    return twice


def flows(actor: Actor, producer: str, seed: int) -> set[tuple[str, str, str]]:
    """Send the events, and return the edges: the job of the run, the relation, and the dataset without its version."""
    events = recorded(producer)
    assert receive_batch(actor=actor, items=shuffled(events, seed)) == []
    assert LineageEvent.objects.count() == len(events)
    assert not LineageEvent.objects.exclude(problem="").exists()
    jobs = dict(Node.objects.filter(urn__startswith="run:").values_list("urn", "name"))
    data = dict(Node.objects.filter(urn__startswith="dataset-version:").values_list("urn", "name"))
    return {
        (jobs.get(src) or jobs[dst], Relation(rel).name, (data.get(src) or data[dst]).rpartition("/")[2])
        for src, dst, rel, _ in edge_keys()
    }


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_events_of_dbt_give_one_graph_in_any_order(seed: int, by_ada: Actor) -> None:
    assert flows(by_ada, "dbt", seed) == {
        ("shop.main.shop.orders.build.run", "PRODUCED", "shop.main.orders"),
        ("shop.main.shop.revenue.build.run", "CONSUMED", "shop.main.orders"),
        ("shop.main.shop.revenue.build.run", "PRODUCED", "shop.main.revenue"),
        ("shop.main.shop.orders.build.test", "CONSUMED", "shop.main.orders"),
    }
    assert JobRun.objects.count() == 4
    (parent,) = set(Node.objects.filter(urn__startswith="run:").values_list("container__name", flat=True)) - {None}
    assert parent == "dbt-run-shop"


def test_the_model_that_dbt_built_from_another_is_in_its_impact(by_ada: Actor) -> None:
    receive_batch(actor=by_ada, items=recorded("dbt"))
    reached = {
        node.name for node in descendants(find_node("dataset:duckdb:%2F%2Fshop.duckdb%2Fshop.main.orders")).nodes
    }
    assert "duckdb://shop.duckdb/shop.main.revenue" in reached


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_events_of_airflow_give_one_graph_in_any_order(seed: int, by_ada: Actor) -> None:
    assert flows(by_ada, "airflow", seed) == {
        ("train_churn.prepare", "CONSUMED", "raw.csv"),
        ("train_churn.prepare", "PRODUCED", "features.parquet"),
        ("train_churn.train", "CONSUMED", "features.parquet"),
        ("train_churn.train", "PRODUCED", "model.bin"),
        ("train_churn.publish", "CONSUMED", "model.bin"),
    }
    parents = dict(Node.objects.filter(urn__startswith="run:").values_list("name", "container__name"))
    tasks = ("train_churn.prepare", "train_churn.train", "train_churn.publish")
    assert parents == {"train_churn": None, **dict.fromkeys(tasks, "train_churn")}


def state_of(job: str) -> dict[str, Any]:
    merged: dict[str, Any] = json.loads(JobRun.objects.get(node__name=job).merged)
    return merged


def test_a_task_of_airflow_that_failed_says_why(by_ada: Actor) -> None:
    receive_batch(actor=by_ada, items=shuffled(recorded("airflow"), 1))
    assert "the registry is closed" in str(facets_of(state_of("train_churn.publish")["runs"])["errorMessage"])
    assert "errorMessage" not in facets_of(state_of("train_churn.train")["runs"])


@pytest.mark.parametrize("seed", [0, 1])
def test_data_that_a_task_of_airflow_read_are_suggested_from_the_task_before(seed: int, by_ada: Actor) -> None:
    receive_batch(actor=by_ada, items=shuffled(recorded("airflow"), seed))
    rows = open_suggestions(by_ada, list(Node.objects.all()))
    assert {(row.method.value, row.src.name.rpartition("/")[2], row.dst.name) for row in rows} == {
        ("last_version", "features.parquet", "train_churn.train"),
        ("last_version", "model.bin", "train_churn.publish"),
    }
