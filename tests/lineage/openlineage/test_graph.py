"""The graph that follows from OpenLineage events, in any order and repeated."""

from __future__ import annotations

import random
from typing import Any

import pytest
from django.db import transaction

from core.actors import Actor
from lineage.models import Claim, DatasetFacts, Edge, JobRun, LineageEvent, Node, Relation
from lineage.openlineage.inbox import receive_batch, receive_event
from tests.lineage.openlineage.events import RUN, STORY, Event, edge_keys, event, table, version_urn


def test_inputs_flow_through_the_run_into_outputs(by_ada: Actor) -> None:
    receive_event(actor=by_ada, data=event("START", inputs=[table("orders", "v1")]))
    receive_event(actor=by_ada, data=event("COMPLETE", 1, outputs=[table("features", "7")]))
    run = f"run:{RUN.format(1)}"
    assert edge_keys() == {(version_urn("orders", "v1"), run, 1, ""), (run, version_urn("features", "7"), 4, "")}
    assert Node.objects.get(urn=run).name == "load1"


def test_a_version_that_comes_later_takes_the_place_of_the_unknown_one(by_ada: Actor) -> None:
    receive_event(actor=by_ada, data=event("START", inputs=[table("orders")], outputs=[table("out")]))
    assert {edge[0] for edge in edge_keys()} == {
        version_urn("orders", f"read by {RUN.format(1)}"),
        f"run:{RUN.format(1)}",
    }
    receive_event(actor=by_ada, data=event("COMPLETE", 1, inputs=[table("orders", "v2")], outputs=[table("out", "v3")]))
    run = f"run:{RUN.format(1)}"
    assert edge_keys() == {(version_urn("orders", "v2"), run, 1, ""), (run, version_urn("out", "v3"), 4, "")}


def test_a_lineage_facet_names_the_pairs(by_ada: Actor) -> None:
    entries = [{**table("out"), "type": "DATASET", "inputs": [{**table("orders"), "type": "DATASET"}]}]
    facets = {"lineage": {"entries": entries}}
    data = event(
        "COMPLETE",
        inputs=[table("orders", "v1"), table("rates", "v1")],
        outputs=[table("out", "v1")],
        job_facets=facets,
    )
    receive_event(actor=by_ada, data=data)
    assert edge_keys() == {
        (version_urn("orders", "v1"), version_urn("out", "v1"), 5, ""),
        (f"run:{RUN.format(1)}", version_urn("out", "v1"), 4, ""),
    }


def outcome_of(actor: Actor, events: list[Event], *, at_once: bool) -> Any:
    """Return the graph and the merged states after these events; nothing of them is kept."""
    with transaction.atomic():
        if at_once:
            assert receive_batch(actor=actor, items=events) == []
        else:
            for data in events:
                receive_event(actor=actor, data=data)
        rows = JobRun.objects.select_related("node", "job")
        states = {row.node.urn: (row.merged, row.shape, str(row.job), row.node.name) for row in rows}
        parents = set(Node.objects.filter(urn__startswith="run:").values_list("urn", "container__urn"))
        claims = set(Claim.objects.values_list("run__urn", "container__urn", "version", "rel"))
        facts = set(DatasetFacts.objects.values_list("node__urn", "merged"))
        result = (edge_keys(), states, parents, claims, facts, LineageEvent.objects.count())
        transaction.set_rollback(True)
    return result


@pytest.mark.parametrize("seed", range(4))
def test_any_order_and_any_repetition_give_the_same_graph(seed: int, by_ada: Actor) -> None:
    expected = outcome_of(by_ada, STORY, at_once=False)
    assert len(expected[0]) == 10
    assert ("code:https:%2F%2Fgit.example.com%2Fx/abc1234def", f"run:{RUN.format(1)}", 2, "") in expected[0]
    chance = random.Random(seed)  # noqa: S311 - an order, no secret
    for at_once in (False, True):
        events = [*STORY, *chance.choices(STORY, k=3)]
        chance.shuffle(events)
        assert outcome_of(by_ada, events, at_once=at_once) == expected


@pytest.mark.parametrize("prefix", ["written by", "read by"])
def test_a_named_version_is_never_the_unnamed_one_of_a_run(prefix: str, by_ada: Actor) -> None:
    receive_event(actor=by_ada, data=event("COMPLETE", 1, run=1, outputs=[table("orders")]))
    stolen = f"{prefix} {RUN.format(1)}"
    receive_event(actor=by_ada, data=event("COMPLETE", 2, run=2, inputs=[table("orders", stolen)]))
    read = Edge.objects.get(dst__urn=f"run:{RUN.format(2)}", rel=Relation.CONSUMED).src
    assert read.version == f"version {stolen}"
    assert not Edge.objects.filter(src=read, dst__urn=f"run:{RUN.format(1)}").exists()
    assert not Edge.objects.filter(dst=read).exists()
