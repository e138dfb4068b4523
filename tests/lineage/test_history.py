"""The ancestry of a node as it stood at a moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from core.actors import Actor
from lineage.declarations import declare_edge, retract_edge
from lineage.graph.history import ancestors_as_of
from lineage.models import Edge, Relation
from lineage.queries import find_node
from lineage.services import record_produced
from tests.lineage.facts import record_consumed

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
URN = "model-version:fraud/1"


def seen(at: datetime) -> set[str]:
    return {node.urn for node in ancestors_as_of(find_node(URN).pk, at).nodes}


@pytest.mark.django_db
def test_what_came_later_is_not_in_it(by_ada: Actor) -> None:
    with time_machine.travel(NOON, tick=False):
        record_consumed(actor=by_ada, run_id="r1", dataset="orders", version="v1", digest="d1")
        record_produced(actor=by_ada, run_id="r1", model="fraud", version=1)
    with time_machine.travel(NOON + timedelta(hours=2), tick=False):
        record_consumed(actor=by_ada, run_id="r1", dataset="users", version="v1")
    assert seen(NOON + timedelta(hours=1)) == {URN, "run:r1", "dataset-version:orders/v1"}
    assert "dataset-version:users/v1" in seen(NOON + timedelta(hours=3))


@pytest.mark.django_db
def test_what_was_taken_back_later_still_is(by_ada: Actor) -> None:
    with time_machine.travel(NOON, tick=False):
        record_produced(actor=by_ada, run_id="r1", model="fraud", version=1)
        record_consumed(actor=by_ada, run_id="r2", dataset="orders", version="v1")
        declare_edge(actor=by_ada, src_urn="dataset-version:orders/v1", dst_urn="run:r1", rel=Relation.CONSUMED)
    edge = Edge.objects.get(rel=Relation.CONSUMED, dst__urn="run:r1")
    with time_machine.travel(NOON + timedelta(hours=2), tick=False):
        retract_edge(actor=by_ada, edge_id=edge.pk, reason="wrong")
    before, after = seen(NOON + timedelta(hours=1)), seen(NOON + timedelta(hours=3))
    assert before - after == {"dataset-version:orders/v1"}


@pytest.mark.django_db
def test_it_says_when_it_is_cut(by_ada: Actor) -> None:
    record_produced(actor=by_ada, run_id="r1", model="fraud", version=1)
    for number in range(5):
        record_consumed(actor=by_ada, run_id="r1", dataset=f"d{number}", version="1")
    later = datetime.now(tz=UTC) + timedelta(hours=1)
    node = find_node(URN).pk
    assert ancestors_as_of(node, later, limit=3).truncated
    assert not ancestors_as_of(node, later).truncated


@pytest.mark.django_db
def test_a_node_nobody_knows_has_none() -> None:
    assert ancestors_as_of(2**40, NOON).nodes == ()
