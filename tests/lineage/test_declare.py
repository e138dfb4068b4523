"""Edges that people declare and take back."""

from __future__ import annotations

import pytest

from accounts.models import User
from audit.actions import Action
from audit.models import Event
from core.errors import Conflict, Denied, DomainError, InvalidInput, NotFound
from lineage.declarations import declare_edge, retract_edge
from lineage.models import Assertion, Edge, Relation, RetractedEdge
from lineage.queries import find_node
from tests.conftest import Acting
from tests.lineage.facts import record_consumed

RAW, CLEAN, RUN = "dataset-version:raw/1", "dataset-version:clean/1", "run:r1"


@pytest.fixture
def graph(ada: User, acting: Acting) -> None:
    for name in ("raw", "clean"):
        record_consumed(actor=acting(ada), run_id="r1", dataset=name, version="1")


def test_a_declared_edge_has_its_witness_and_event(graph: None, ada: User, acting: Acting) -> None:
    edge = declare_edge(
        actor=acting(ada), src_urn=RAW, dst_urn=CLEAN, rel=Relation.DERIVED_FROM, reason="cleaned by hand"
    )
    assert (edge.src.urn, edge.dst.urn) == (RAW, CLEAN)
    assert Assertion.objects.get(mode="declared").source == "cleaned by hand"
    assert Event.objects.get().action == Action.LINEAGE_EDGE_DECLARED


@pytest.mark.parametrize(
    ("source", "target", "rel", "error"),
    [
        (RAW, "run:unknown", Relation.CONSUMED, NotFound),
        (RAW, RAW, Relation.DERIVED_FROM, Conflict),
        (RUN, RAW, Relation.PRODUCED, Conflict),
        (RUN, RAW, Relation.CONSUMED, InvalidInput),
        (RAW, RUN, Relation.SERVES, InvalidInput),
        ("dataset:raw", CLEAN, Relation.DERIVED_FROM, InvalidInput),
    ],
    ids=["unknown", "loop", "cycle", "wrong kinds", "of deployments", "container"],
)
def test_refused_declarations_leave_nothing(
    graph: None, ada: User, acting: Acting, source: str, target: str, rel: Relation, error: type[DomainError]
) -> None:
    with pytest.raises(error):
        declare_edge(actor=acting(ada), src_urn=source, dst_urn=target, rel=rel)
    assert (Edge.objects.count(), Event.objects.count()) == (2, 0)


def test_a_dataset_version_that_nobody_has_read_is_created(graph: None, ada: User, acting: Acting) -> None:
    new = "dataset-version:s3:%2F%2Fbucket%2Forders/v9"
    edge = declare_edge(actor=acting(ada), src_urn=new, dst_urn=RUN, rel=Relation.CONSUMED)
    assert (edge.src.urn, edge.src.name, edge.src.version) == (new, "s3://bucket/orders", "v9")
    assert edge.src.container is not None
    made = declare_edge(actor=acting(ada), src_urn=CLEAN, dst_urn="dataset-version:report/2", rel=Relation.DERIVED_FROM)
    assert made.dst.urn == "dataset-version:report/2"
    for urn in ("dataset-version:x", "dataset-version:/v1", "dataset-version:x/", "model-version:x/1"):
        with pytest.raises(NotFound):
            declare_edge(actor=acting(ada), src_urn=urn, dst_urn=RUN, rel=Relation.CONSUMED)


def test_a_retracted_edge_is_kept_beside_the_graph(graph: None, ada: User, acting: Acting) -> None:
    edge = declare_edge(actor=acting(ada), src_urn=RAW, dst_urn=CLEAN, rel=Relation.DERIVED_FROM)
    kept = retract_edge(actor=acting(ada), edge_id=edge.pk, reason="wrong table")
    assert not Edge.objects.filter(pk=edge.pk).exists()
    assert (kept.edge_id, kept.retracted_by, RetractedEdge.objects.count()) == (edge.pk, "ada", 1)
    assert Event.objects.filter(action=Action.LINEAGE_EDGE_RETRACTED, object_ref=CLEAN).exists()


def test_observed_edges_are_evidence(graph: None, ada: User, ops: User, acting: Acting) -> None:
    edge = Edge.objects.get(src=find_node(RAW))
    with pytest.raises(Denied):
        retract_edge(actor=acting(ada), edge_id=edge.pk, reason="inconvenient")
    assert RetractedEdge.objects.count() == 0
    retract_edge(actor=acting(ops), edge_id=edge.pk, reason="the client logged the wrong table")
    assert RetractedEdge.objects.count() == 1


def test_nobody_takes_back_another_ones_claim(graph: None, ada: User, cy: User, acting: Acting) -> None:
    edge = declare_edge(actor=acting(ada), src_urn=RAW, dst_urn=CLEAN, rel=Relation.DERIVED_FROM)
    with pytest.raises(Denied):
        retract_edge(actor=acting(cy), edge_id=edge.pk, reason="no")
    assert Edge.objects.filter(pk=edge.pk).exists()


def test_an_observation_brings_a_retracted_edge_back(graph: None, ada: User, ops: User, acting: Acting) -> None:
    old = Edge.objects.get(src=find_node(RAW))
    retract_edge(actor=acting(ops), edge_id=old.pk, reason="wrong")
    record_consumed(actor=acting(ada), run_id="r1", dataset="raw", version="1")
    assert Edge.objects.get(src=find_node(RAW)).pk > old.pk


@pytest.mark.parametrize(("edge_id", "reason", "error"), [(999, "x", NotFound), (1, " ", InvalidInput)])
def test_retraction_needs_an_edge_and_a_reason(
    graph: None, ada: User, acting: Acting, edge_id: int, reason: str, error: type[DomainError]
) -> None:
    with pytest.raises(error):
        retract_edge(actor=acting(ada), edge_id=edge_id, reason=reason)
