"""Suggestions of the schedule: only for what changed, bounded, kept in step with the graph, and counted by nothing."""

from __future__ import annotations

import ast
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from core.actors import Actor
from lineage.models import Edge, Node, Relation, SuggestedEdge, SuggestionDecision, SuggestionMark
from lineage.openlineage.inbox import receive_batch
from lineage.quarantine import place_quarantine, quarantined_and_below
from lineage.queries import ancestors, find_node
from lineage.suggestions import generate
from lineage.suggestions.decide import confirm_suggestion, reject_suggestion
from lineage.suggestions.derive import open_suggestions
from lineage.suggestions.generate import derive_changed, waiting_changes
from lineage.suggestions.methods import Method, Suggestion
from lineage.tasks import suggest_edges
from tests.architecture.source import imports_in, modules, name_of, tree_of
from tests.conftest import Acting
from tests.lineage.facts import record_consumed
from tests.lineage.openlineage.events import RUN, event, table

READER = f"run:{RUN.format(3)}"


def soon() -> datetime:
    return timezone.now() + timedelta(minutes=2)


def of_method(actor: Actor, method: Method) -> list[Suggestion]:
    derive_changed(now=soon())
    return [row for row in open_suggestions(actor, list(Node.objects.all())) if row.method is method]


def job_run(number: int, minute: int, kind: str = "COMPLETE", **more: Any) -> dict[str, Any]:
    return event(kind, minute, run=number, **more) | {"job": {"namespace": "etl", "name": "train"}}


@pytest.fixture
def forgetful(by_ada: Actor) -> Actor:
    """Two runs of one job: the first read orders and users, the second names orders only."""
    receive_batch(
        actor=by_ada,
        items=[
            job_run(1, 1, inputs=[table("orders", "v1"), table("users", "v1")]),
            event("COMPLETE", 5, run=2, outputs=[table("users", "v2")]),
            job_run(3, 9, inputs=[table("orders", "v2")]),
        ],
    )
    return by_ada


@pytest.fixture
def two_spellings(by_ada: Actor) -> Actor:
    """One table under two spellings of its address, each in a version v1."""
    record_consumed(actor=by_ada, run_id="a1", dataset="s3://lake/sales/orders", version="v1")
    record_consumed(actor=by_ada, run_id="b2", dataset="s3a://LAKE/sales//orders/", version="v1")
    return by_ada


def test_the_previous_run_of_the_job_read_more(forgetful: Actor) -> None:
    (one,) = of_method(forgetful, Method.PREVIOUS_RUN)
    assert (one.src.urn.rpartition("/")[2], one.dst.urn, one.confidence) == ("v2", READER, 0.5)
    assert "The run before this one of the same job read" in one.evidence


def test_what_the_run_names_later_ends_the_suggestion(forgetful: Actor) -> None:
    assert len(of_method(forgetful, Method.PREVIOUS_RUN)) == 1
    receive_batch(actor=forgetful, items=[job_run(3, 10, inputs=[table("users", "v1")])])
    assert of_method(forgetful, Method.PREVIOUS_RUN) == []
    assert not SuggestedEdge.objects.filter(method=Method.PREVIOUS_RUN).exists()


def test_two_spellings_of_an_address_are_suggested_once(two_spellings: Actor) -> None:
    (one,) = of_method(two_spellings, Method.SAME_ADDRESS)
    assert (one.relation, one.confidence, one.src.pk < one.dst.pk) == (Relation.SAME_BYTES, 0.9, True)
    decide(confirm_suggestion, two_spellings, one)
    assert one.src.pk in {node.pk for node in ancestors(one.dst).nodes}
    assert of_method(two_spellings, Method.SAME_ADDRESS) == []


def test_full_digests_that_differ_are_not_one_address(by_ada: Actor) -> None:
    for run, dataset, digest in (("a1", "s3://lake/orders", "a" * 32), ("b2", "s3a://lake/orders", "b" * 32)):
        record_consumed(actor=by_ada, run_id=run, dataset=dataset, version="v1", digest=digest)
    assert of_method(by_ada, Method.SAME_ADDRESS) == []


def test_a_name_that_looks_alike_is_the_least_likely(by_ada: Actor) -> None:
    record_consumed(actor=by_ada, run_id="a1", dataset="orders_table", version="v1")
    record_consumed(actor=by_ada, run_id="b2", dataset="s3://lake/Orders-Table.parquet", version="unversioned")
    (one,) = of_method(by_ada, Method.SIMILAR_NAME)
    assert (one.src.name, one.dst.urn, one.confidence) == ("orders_table", "run:b2", 0.3)
    assert "The names alone say so." in one.evidence


@pytest.mark.parametrize("name", ["s3://lake/train.csv", "s3://lake/abc.csv"])
def test_common_and_short_names_look_like_nothing(name: str, by_ada: Actor) -> None:
    record_consumed(actor=by_ada, run_id="a1", dataset=name.rpartition("/")[2], version="v1")
    record_consumed(actor=by_ada, run_id="b2", dataset=name, version="unversioned")
    assert of_method(by_ada, Method.SIMILAR_NAME) == []


def decide(service: Any, actor: Actor, one: Suggestion) -> None:
    service(actor=actor, src_urn=one.src.urn, dst_urn=one.dst.urn, method=one.method, reason="I was there")


def test_rejected_stays_rejected_when_it_is_derived_again(forgetful: Actor) -> None:
    (one,) = of_method(forgetful, Method.PREVIOUS_RUN)
    decide(reject_suggestion, forgetful, one)
    SuggestionMark.objects.update(last_node=0, last_edge=0)
    assert of_method(forgetful, Method.PREVIOUS_RUN) == []
    assert SuggestionDecision.objects.get().state == "rejected"


def test_nothing_counts_a_derived_suggestion(forgetful: Actor, acting: Acting, ops: User) -> None:
    edges = Edge.objects.count()
    (one,) = of_method(forgetful, Method.PREVIOUS_RUN)
    assert Edge.objects.count() == edges
    place_quarantine(actor=acting(ops), urn=one.src.urn, reason="wrong currency")
    assert one.dst.pk not in quarantined_and_below([one.dst.pk])[1]
    assert one.src.pk not in {node.pk for node in ancestors(find_node(READER)).nodes}


def test_only_pages_and_the_api_read_suggestions() -> None:
    readers = {
        name_of(path)
        for path in modules()
        for _, module in imports_in(tree_of(path))
        if module.startswith("lineage.suggestions") and not name_of(path).startswith("lineage/suggestions/")
    }
    sources = {
        "lineage/tasks.py",
        "lineage/urls.py",
        "registry/provenance/suggested_edges.py",
        "tracking/provenance.py",
    }
    assert {name for name in readers - sources if not name.startswith("console/lineage/")} == set()
    users = {name_of(path) for path in modules() if "SuggestedEdge" in _names(tree_of(path))}
    assert users == {"lineage/models/suggestions.py", "lineage/suggestions/generate.py"}


def _names(tree: ast.Module) -> set[str]:
    named = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return named | {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}


def test_a_round_looks_only_at_what_changed(forgetful: Actor) -> None:
    assert derive_changed(now=soon()) > 0
    assert derive_changed(now=soon()) == 0
    receive_batch(actor=forgetful, items=[event("COMPLETE", 20, run=4, inputs=[table("orders", "v2")])])
    assert derive_changed(now=soon()) <= 4


def test_a_round_is_bounded_and_the_rest_is_said(
    forgetful: Actor, ada: User, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generate, "BATCH", 2)
    monkeypatch.setattr(generate, "BATCHES", 1)
    before = waiting_changes(forgetful)
    assert 0 < derive_changed(now=soon()) <= 6
    assert 0 < waiting_changes(forgetful) < before
    client.force_login(ada)
    answer = client.get("/api/v1/lineage/suggestions", {"node": READER}).json()
    assert answer["waiting"] == waiting_changes(forgetful)
    while derive_changed(now=soon()):
        pass
    assert client.get("/api/v1/lineage/suggestions", {"node": READER}).json()["waiting"] == 0
    assert len(of_method(forgetful, Method.PREVIOUS_RUN)) == 1


def test_rows_that_may_have_older_ones_uncommitted_wait(forgetful: Actor) -> None:
    assert Node.objects.exists()
    assert suggest_edges() == 0
    assert waiting_changes(forgetful) > 0


def test_a_round_has_a_fixed_number_of_queries(by_ada: Actor) -> None:
    def queries(first: int, count: int) -> int:
        for number in range(first, first + count):
            record_consumed(actor=by_ada, run_id=f"a{number}", dataset=f"s3://lake/t{number}", version="v1")
            record_consumed(actor=by_ada, run_id=f"b{number}", dataset=f"s3a://lake/t{number}", version="v1")
        with CaptureQueriesContext(
            connection,
        ) as asked:
            derive_changed(now=soon())
        return len(asked)

    derive_changed(now=soon())
    assert queries(0, 1) == queries(10, 8)
    assert len(of_method(by_ada, Method.SAME_ADDRESS)) == 9
