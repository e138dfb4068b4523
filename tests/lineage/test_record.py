"""What the services put into the graph, once and only once."""

from __future__ import annotations

import pytest
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from core.errors import AlreadyExists
from lineage.models import Assertion, Edge, Node, Relation
from lineage.queries import find_node
from lineage.services import end_deployment, record_deployment, record_produced, record_run, rename_model, retire_model
from tests.conftest import Acting
from tests.lineage.facts import record_consumed


def test_consumed_makes_nodes_container_and_edge(ada: User, acting: Acting) -> None:
    node = record_consumed(actor=acting(ada), run_id="r1", dataset="orders", version="v2.1", role="train")
    assert (node.urn, find_node(node.urn).container) == ("dataset-version:orders/v2.1", find_node("dataset:orders"))
    edge = Edge.objects.get()
    assert (edge.src_id, edge.dst.urn, edge.rel, edge.role) == (node.pk, "run:r1", Relation.CONSUMED, "train")
    assert Assertion.objects.get().source == "run:r1"


def test_saying_it_twice_changes_nothing(ada: User, acting: Acting) -> None:
    for _ in range(2):
        record_consumed(actor=acting(ada), run_id="r1", dataset="orders", version="1")
        record_produced(actor=acting(ada), run_id="r1", model="clf", version=1, digest="sha256:1")
    assert (Node.objects.count(), Edge.objects.count(), Assertion.objects.count()) == (5, 2, 2)


def test_a_second_witness_is_kept(ada: User, acting: Acting) -> None:
    for digest in ("", "d1"):
        record_consumed(
            actor=acting(ada), run_id="r1", dataset="orders", version="1", digest=digest, source=f"by {digest}"
        )
    assert Edge.objects.count() == 1
    assert {one.source for one in Assertion.objects.all()} == {"by ", "by d1"}


def test_digest_and_name_are_learnt_later(ada: User, acting: Acting) -> None:
    record_consumed(actor=acting(ada), run_id="r1", dataset="orders", version="1")
    record_consumed(actor=acting(ada), run_id="r1", dataset="orders", version="1", digest="d2")
    record_consumed(actor=acting(ada), run_id="r1", dataset="orders", version="1", digest="d1")
    record_run(actor=acting(ada), run_id="r1", name="tidy-owl")
    record_consumed(actor=acting(ada), run_id="r1", dataset="orders", version="1", digest="d1")
    node = find_node("dataset-version:orders/1")
    assert (node.digest, node.attrs) == ("d1", {"other_digests": ["d2"]})
    assert find_node("run:r1").name == "tidy-owl"


def test_known_facts_cost_few_queries(
    ada: User, acting: Acting, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    actor = acting(ada)
    with django_assert_max_num_queries(40):
        record_consumed(actor=actor, run_id="r1", dataset="orders", version="1")
    with django_assert_max_num_queries(6):
        record_consumed(actor=actor, run_id="r1", dataset="orders", version="1")
    with django_assert_max_num_queries(2):
        record_run(actor=actor, run_id="r2")


def test_version_without_a_run_is_a_node_alone(ada: User, acting: Acting) -> None:
    node = record_produced(actor=acting(ada), run_id="", model="clf", version=3)
    assert (node.urn, node.version, Edge.objects.count()) == ("model-version:clf/3", "3", 0)


def test_deployment_joins_version_and_endpoint(ada: User, acting: Acting) -> None:
    actor = acting(ada)
    node = record_deployment(actor=actor, endpoint="/predict", number=1, revision="v2.1", model="clf", version=2)
    assert node.attrs == {"number": 1, "revision": "v2.1"}
    assert {(e.src.urn, e.dst.urn) for e in Edge.objects.select_related("src", "dst")} == {
        ("model-version:clf/2", node.urn),
        (node.urn, "endpoint:/predict"),
    }
    end_deployment(actor=actor, endpoint="/predict", number=1)
    assert "ended_at" in find_node(node.urn).attrs


def test_rename_moves_container_and_members(ada: User, acting: Acting) -> None:
    actor = acting(ada)
    before = record_produced(actor=actor, run_id="r1", model="clf", version=1)
    rename_model(actor=actor, old="clf", new="churn")
    assert find_node("model-version:churn/1").pk == before.pk
    assert find_node("model:churn").name == "churn"
    assert not Node.objects.filter(urn__contains="clf").exists()


def test_rename_onto_a_known_model_is_refused(ada: User, acting: Acting) -> None:
    for name in ("clf", "churn"):
        record_produced(actor=acting(ada), run_id="", model=name, version=1)
    with pytest.raises(AlreadyExists):
        rename_model(actor=acting(ada), old="clf", new="churn")
    assert Node.objects.filter(urn="model-version:clf/1").exists()


def test_a_new_model_inherits_nothing_from_a_deleted_one(ada: User, acting: Acting) -> None:
    actor = acting(ada)
    old = record_produced(actor=actor, run_id="r1", model="clf", version=1)
    assert retire_model(actor=actor, name="clf", model_id=7) == "clf (deleted:7)"
    new = record_produced(actor=actor, run_id="", model="clf", version=1)
    assert new.pk != old.pk
