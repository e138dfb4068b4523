"""Ancestors and descendants: the same set as a plain walk in Python, honest when cut, and right about containers."""

from __future__ import annotations

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from core.errors import NotFound
from lineage.models import Edge, Node, NodeKind, Relation
from lineage.queries import Closure, ancestors, descendants, find_node, nodes_matching
from lineage.services import end_deployment, record_deployment, record_produced
from tests.conftest import Acting
from tests.lineage.facts import record_consumed

Pairs = list[tuple[int, int]]


def build(count: int, pairs: Pairs) -> list[Node]:
    nodes = [Node(kind=NodeKind.RUN, urn=f"run:{n}", name=str(n)) for n in range(count)]
    made = Node.objects.bulk_create(nodes)
    edges = [Edge(src=made[a], dst=made[b], rel=Relation.DERIVED_FROM) for a, b in sorted(set(pairs)) if a != b]
    Edge.objects.bulk_create(edges)
    return made


def distances(start: int, pairs: Pairs) -> dict[int, int]:
    """Walk along (from, to) pairs, level by level."""
    found, level = {start: 0}, {start}
    while level:
        level = {b for a, b in pairs if a in level} - set(found)
        found |= dict.fromkeys(level, max(found.values()) + 1)
    return found


def urns(closure: Closure) -> set[str]:
    return {node.urn for node in closure.nodes}


@pytest.mark.django_db
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 12).flatmap(lambda n: st.tuples(st.just(n), st.lists(st.tuples(*[st.integers(0, n - 1)] * 2)))))
def test_closure_equals_a_plain_walk(graph: tuple[int, Pairs]) -> None:
    count, pairs = graph
    with transaction.atomic():
        nodes = build(count, pairs)
        up, down = ancestors(nodes[0]), descendants(nodes[0])
        transaction.set_rollback(True)
    for closure, walked in ((up, [(b, a) for a, b in pairs]), (down, pairs)):
        expected = distances(0, walked)
        ids = [node.pk for node in nodes]
        assert {ids.index(node.pk): closure.depths[node.pk] for node in closure.nodes} == expected
        inside = {(a, b) for a, b in pairs if a != b and {a, b} <= set(expected)}
        assert {(ids.index(edge.src), ids.index(edge.dst)) for edge in closure.edges} == inside
        assert not closure.truncated


def test_a_cut_walk_says_so(db: None) -> None:
    nodes = build(30, [(n, n + 1) for n in range(29)])
    closure = descendants(nodes[0], limit=10)
    assert (len(closure.nodes), closure.truncated, closure.total_seen) == (10, True, 11)
    assert [node.pk for node in closure.nodes] == [node.pk for node in nodes[:10]]
    assert not descendants(nodes[0], limit=30).truncated


def test_a_walk_costs_the_same_however_deep(db: None, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    nodes = build(200, [(n, n + 1) for n in range(199)])
    with django_assert_num_queries(3):
        assert len(ancestors(nodes[150]).nodes) == 151
    with django_assert_num_queries(3):
        ancestors(nodes[2])


def test_other_versions_users_are_not_affected(ada: User, acting: Acting) -> None:
    actor = acting(ada)
    first = record_consumed(actor=actor, run_id="r1", dataset="orders", version="1")
    record_consumed(actor=actor, run_id="r2", dataset="orders", version="2")
    assert urns(descendants(first)) == {"dataset-version:orders/1", "run:r1"}
    everything = descendants(find_node("dataset:orders"))
    assert {"run:r1", "run:r2", "dataset-version:orders/2"} < urns(everything)
    assert everything.depths[first.pk] == 1


def test_an_endpoint_starts_from_what_is_live(ada: User, acting: Acting) -> None:
    actor = acting(ada)
    for n in (1, 2):
        record_produced(actor=actor, run_id=f"r{n}", model="clf", version=n)
        record_deployment(actor=actor, endpoint="/predict", number=n, revision=f"v{n}", model="clf", version=n)
    end_deployment(actor=actor, endpoint="/predict", number=1)
    endpoint = find_node("endpoint:/predict")
    live = {"endpoint:/predict", "deployment:/predict@2", "model-version:clf/2", "run:r2"}
    assert urns(ancestors(endpoint)) == live
    assert "endpoint:/predict" not in urns(descendants(find_node("run:r1")))
    assert "endpoint:/predict" in urns(descendants(find_node("run:r2")))


@pytest.mark.parametrize("urn", ["run:nothing", "run:\x00", ""])
def test_an_unknown_node_is_not_found(db: None, urn: str) -> None:
    with pytest.raises(NotFound):
        find_node(urn)


def test_finding_nodes(ada: User, acting: Acting) -> None:
    record_consumed(actor=acting(ada), run_id="r1", dataset="Orders", version="v2.1", digest="sha256:ab")
    assert [node.urn for node in nodes_matching(kind=NodeKind.DATASET_VERSION, text="order")] == [
        "dataset-version:orders/v2.1"
    ]
    assert nodes_matching(text="sha256:ab")[0].version == "v2.1"
    assert len(nodes_matching()) == 3
