"""Every method gives the same suggestion whichever of its facts is recorded last, and from the page of either end."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from accounts.models import User
from console.lineage.graph_views import GraphOptions
from console.lineage.presenters import graph_page
from console.lineage.suggestions import graph_suggestions
from core.actors import Actor
from lineage.models import Node
from lineage.openlineage.inbox import receive_event
from lineage.services import record_produced
from lineage.suggestions.derive import open_suggestions
from lineage.suggestions.generate import derive_changed
from lineage.suggestions.methods import Method
from registry.services.models import create_model
from registry.services.versions import create_version
from tests.lineage.facts import record_consumed
from tests.lineage.openlineage.events import RUN, Event, event, table
from tracking.services.experiments import create_experiment
from tracking.services.logging import set_tag
from tracking.services.runs import create_run

Fact = Callable[[Actor], object]
Ends = set[tuple[str, str]]
READER = f"run:{RUN.format(3)}"
MD5 = "0123456789abcdef0123456789abcdef"


def received(data: Event) -> Fact:
    return lambda actor: receive_event(actor=actor, data=data)


def job_run(number: int, minute: int, **more: Any) -> Event:
    return event("COMPLETE", minute, run=number, **more) | {"job": {"namespace": "etl", "name": "train"}}


def used(run: str, dataset: str, version: str, digest: str = "") -> Fact:
    return lambda actor: record_consumed(actor=actor, run_id=run, dataset=dataset, version=version, digest=digest)


WRITTEN = event("COMPLETE", 5, run=2, outputs=[table("users", "v2")])
FACTS: dict[Method, list[Fact]] = {
    Method.PREVIOUS_RUN: [
        received(job_run(1, 1, inputs=[table("orders", "v1"), table("users", "v1")])),
        received(WRITTEN),
        received(job_run(3, 9, inputs=[table("orders", "v2")])),
    ],
    Method.SIMILAR_NAME: [
        received(event("COMPLETE", 1, run=1, outputs=[table("orders_table", "v1")])),
        received(event("COMPLETE", 4, run=2, outputs=[table("orders_table", "v2")])),
        received(event("COMPLETE", 9, run=3, inputs=[table("Orders-Table")])),
    ],
    Method.LAST_VERSION: [
        received(event("COMPLETE", 1, run=1, outputs=[table("users", "v1")])),
        received(WRITTEN),
        received(event("COMPLETE", 9, run=3, inputs=[table("users")])),
    ],
    Method.SAME_ADDRESS: [used("a1", "s3://lake/orders", "v1"), used("b2", "s3a://LAKE/orders/", "v1")],
    Method.SAME_SHORT_DIGEST: [used("a1", "orders", "", "1a2b3c4d"), used("b2", "orders_table", "", "1a2b3c4d")],
}


def ends_of(actor: Actor, nodes: Sequence[Node], method: Method) -> Ends:
    """Return the two ends of the suggestions by a method; ends of equal bytes in the order of their names."""
    rows = [row for row in open_suggestions(actor, nodes) if row.method is method]
    pairs = {(row.src.urn, row.dst.urn) for row in rows}
    return {(src, dst) if dst.startswith(("run:", "model")) else (min(src, dst), max(src, dst)) for src, dst in pairs}


def derive() -> None:
    while derive_changed(now=timezone.now() + timedelta(minutes=2)):
        pass


@pytest.mark.parametrize("method", FACTS)
def test_the_fact_that_is_recorded_last_does_not_matter(method: Method, by_ada: Actor) -> None:
    outcomes: list[Ends] = []
    for facts in permutations(FACTS[method]):
        with transaction.atomic():
            for fact in facts:
                fact(by_ada)
                derive()
            outcomes.append(ends_of(by_ada, list(Node.objects.all()), method))
            transaction.set_rollback(True)
    assert len(outcomes[0]) == 1
    assert outcomes == [outcomes[0]] * len(outcomes)


@pytest.mark.parametrize("method", FACTS)
def test_each_end_by_itself_gives_the_suggestion(method: Method, by_ada: Actor) -> None:
    for fact in FACTS[method]:
        fact(by_ada)
    derive()
    (expected,) = ends_of(by_ada, list(Node.objects.all()), method)
    for urn in expected:
        assert ends_of(by_ada, [Node.objects.get(urn=urn)], method) == {expected}, urn


@pytest.mark.parametrize("method", [Method.PREVIOUS_RUN, Method.SIMILAR_NAME, Method.LAST_VERSION])
def test_the_pages_of_the_model_the_data_and_the_run_list_it(
    method: Method, by_ada: Actor, ada: User, client: Client, settings: Any
) -> None:
    settings.LINEAGE_VISIBILITY = ["tests.lineage.test_api.everybody_sees_models"]
    for fact in FACTS[method]:
        fact(by_ada)
    record_produced(actor=by_ada, run_id=RUN.format(3), model="churn", version=1)
    derive()
    ((src, dst),) = ends_of(by_ada, list(Node.objects.all()), method)
    client.force_login(ada)
    for urn in ("model-version:churn/1", src, dst):
        on_page = graph_suggestions(by_ada, graph_page(by_ada, urn, GraphOptions()))
        assert (src, dst) in {(row.src.urn, row.dst.urn) for row in on_page if row.method is method}, urn
        listed = client.get("/api/v1/lineage/suggestions", {"node": urn}).json()["suggestions"]
        assert [(row["source"], row["target"]) for row in listed if row["method"] == method] == [(src, dst)], urn


def test_a_folded_run_keeps_its_suggestion(by_ada: Actor) -> None:
    for fact in FACTS[Method.LAST_VERSION]:
        fact(by_ada)
    for number in (4, 5, 6):
        receive_event(actor=by_ada, data=event("COMPLETE", 20, run=number, inputs=[table("rates", "v1")]))
        receive_event(actor=by_ada, data=event("COMPLETE", 21, run=number, inputs=[table("users")]))
    rates = Node.objects.get(version="v1", name__endswith="rates")
    page = graph_page(by_ada, rates.urn, GraphOptions(direction="down"))
    rows = graph_suggestions(by_ada, page)
    assert {row.dst.urn for row in rows} >= {f"run:{RUN.format(number)}" for number in (4, 5, 6)}


@pytest.mark.parametrize("order", ["run first", "version first"])
def test_a_source_that_names_a_run_is_suggested_in_both_orders(order: str, by_ada: Actor, settings: Any) -> None:
    settings.ALLOWED_SOURCES = ["s3://old-server/"]
    run_id = "fedcba9876543210fedcba9876543210"
    create_model(actor=by_ada, name="churn")
    facts: list[Fact] = [
        lambda actor: record_consumed(actor=actor, run_id=run_id, dataset="orders", version="v1"),
        lambda actor: create_version(actor=actor, name="churn", source=f"s3://old-server/1/{run_id}/artifacts/model"),
    ]
    for fact in facts if order == "run first" else reversed(facts):
        fact(by_ada)
        derive()
    expected = (f"run:{run_id}", "model-version:churn/1")
    for urn in expected:
        assert ends_of(by_ada, [Node.objects.get(urn=urn)], Method.NAMED_SOURCE) == {expected}


def test_a_dvc_file_is_suggested_from_either_end(by_ada: Actor) -> None:
    run = create_run(actor=by_ada, experiment_id=create_experiment(actor=by_ada, name="churn").pk)
    files = json.dumps([{"path": "data/rows.csv", "md5": MD5}])
    set_tag(actor=by_ada, run_id=run.pk, key="custody.dvc", value=files)
    derive()
    data = record_consumed(actor=by_ada, run_id="other", dataset="rows", version="v1", digest=MD5)
    derive()
    for node in (data, Node.objects.get(urn=f"run:{run.pk}")):
        assert ends_of(by_ada, [node], Method.DVC_FILE) == {(data.urn, f"run:{run.pk}")}
