"""Other names of datasets: symbolic links and renames, in any order; who may say so, and what a quarantine does."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import User
from audit.actions import Action
from audit.models import Event as AuditEvent
from core.actors import Actor
from core.errors import Conflict, Denied, InvalidInput, NotFound
from lineage.dataset_names import separate_names
from lineage.declarations import declare_edge, retract_edge
from lineage.evidence import ancestry_writers
from lineage.identity.same_datasets import names_of
from lineage.models import Edge, Node, Relation, RetractedEdge, SameDataset
from lineage.openlineage.inbox import receive_batch, receive_event
from lineage.quarantine import place_quarantine, taint_of
from lineage.queries import ancestors, descendants, find_node
from tests.conftest import Acting
from tests.lineage.openlineage.events import Event, event, table, version_urn
from tracking.services.experiments import create_experiment
from tracking.services.inputs import DatasetInput, log_inputs
from tracking.services.runs import create_run

pytestmark = pytest.mark.django_db
LAKE = "dataset:s3:%2F%2Flake%2Forders"
TABLE = "dataset:postgres:%2F%2Fdb:5432%2Forders"
BOOKINGS = "dataset:postgres:%2F%2Fdb:5432%2Fbookings"
REASON = "They are two tables."


def lake(version: str = "", **facets: Any) -> Event:
    return {**table("orders", version, **facets), "namespace": "s3a://lake"}


def links(*names: tuple[str, str]) -> Event:
    return {"identifiers": [{"namespace": space, "name": name, "type": "TABLE"} for space, name in names]}


def renamed(old: str) -> Event:
    previous = {"namespace": "postgres://db:5432", "name": old}
    return {"lifecycleStateChange": "RENAME", "previousIdentifier": previous}


LINKED = event("RUNNING", 1, run=3, inputs=[table("orders", "v1", symlinks=links(("s3://lake", "orders")))])
RENAMED = {
    "eventTime": "2026-11-01T11:00:00Z",
    "producer": "x",
    "dataset": table("bookings", lifecycleStateChange=renamed("orders")),
}
WRITTEN = event("COMPLETE", 2, run=2, inputs=[table("raw", "v9")], outputs=[lake("v1")])
READ = event("COMPLETE", 3, run=4, inputs=[table("bookings", "v1")], outputs=[table("report", "v1")])
UNNAMED = event("COMPLETE", 4, run=5, inputs=[lake()], outputs=[table("bookings")])
FACTS = [LINKED, RENAMED, WRITTEN, READ, UNNAMED]


@pytest.fixture
def by_bea(bea: User, acting: Acting) -> Actor:
    return acting(bea)


def graph_of(actor: Actor, events: list[Event], *, batched: bool = False) -> Any:
    """Return the edges and the names of the datasets after the events. Nothing of it is kept."""
    with transaction.atomic():
        if batched:
            assert receive_batch(actor=actor, items=events) == []
        for data in () if batched else events:
            receive_event(actor=actor, data=data)
        edges = set(Edge.objects.values_list("src__urn", "dst__urn", "rel", "role"))
        names = {
            urn: [node.urn for node in names_of(node).datasets]
            for urn in (LAKE, TABLE, BOOKINGS)
            if (node := Node.objects.filter(urn=urn).first())
        }
        transaction.set_rollback(True)
    return edges, names


def lake_urn(version: str) -> str:
    return f"dataset-version:s3:%2F%2Flake%2Forders/{version}"


def test_equal_versions_under_all_names_are_joined_in_every_order(by_ada: Actor) -> None:
    edges, names = graph_of(by_ada, FACTS)
    same = {(src, dst) for src, dst, rel, _ in edges if rel == Relation.SAME_VERSION}
    first = version_urn("bookings", "v1")
    assert same == {
        pair for other in (version_urn("orders", "v1"), lake_urn("v1")) for pair in ((first, other), (other, first))
    }
    assert names == dict.fromkeys((LAKE, TABLE, BOOKINGS), sorted((LAKE, TABLE, BOOKINGS)))
    for order in permutations(FACTS):
        assert graph_of(by_ada, list(order)) == (edges, names)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=st.lists(st.sampled_from(FACTS), max_size=4), order=st.permutations(FACTS), batched=st.booleans())
def test_repeats_and_batches_change_nothing(
    by_ada: Actor, events: list[Event], order: list[Event], batched: bool
) -> None:
    assert graph_of(by_ada, [*events, *order], batched=batched) == graph_of(by_ada, FACTS)


def test_lineage_impact_and_quarantine_pass_through_every_name(by_ada: Actor, by_bea: Actor) -> None:
    for data in FACTS:
        receive_event(actor=by_ada, data=data)
    report = find_node(version_urn("report", "v1"))
    assert version_urn("raw", "v9") in {node.urn for node in ancestors(report).nodes}
    assert report.urn in {node.urn for node in descendants(find_node(LAKE)).nodes}
    place_quarantine(actor=by_bea, urn=lake_urn("v1"), reason="Half of it is missing.")
    assert [row.node.urn for row in taint_of(report.urn).quarantines] == [lake_urn("v1")]
    (event_row, *_) = AuditEvent.objects.filter(action=Action.LINEAGE_NAMES_JOINED)
    assert event_row.outcome == "ok"
    kinds = {(row.name, row.detail) for row in ancestry_writers([report.urn])[report.urn]}
    assert ("ada", "another name of the data") in kinds


def test_a_version_is_reached_by_a_name_that_nobody_used_for_it(by_ada: Actor) -> None:
    receive_event(actor=by_ada, data=LINKED)
    assert find_node(lake_urn("V1")).urn == version_urn("orders", "v1")
    with pytest.raises(NotFound):
        find_node(lake_urn("v2"))


def test_a_declared_edge_counts_for_every_name_in_both_orders(by_ada: Actor) -> None:
    def declare(dataset: str) -> None:
        declare_edge(actor=by_ada, src_urn=lake_urn("v1"), dst_urn=dataset, rel=Relation.DERIVED_FROM)

    outcomes = []
    for first in (True, False):
        with transaction.atomic():
            for is_event in (first, not first):
                if is_event:
                    receive_event(actor=by_ada, data=LINKED)
                else:
                    declare("dataset-version:copy/v1")
            outcomes.append(set(Edge.objects.values_list("src__urn", "dst__urn", "rel")))
            transaction.set_rollback(True)
    assert outcomes[0] == outcomes[1]
    assert (lake_urn("v1"), version_urn("orders", "v1"), Relation.SAME_VERSION) in outcomes[0]


def test_a_short_digest_joins_names_of_one_dataset(by_ada: Actor) -> None:
    experiment = create_experiment(actor=by_ada, name="names")
    runs = [create_run(actor=by_ada, experiment_id=experiment.pk).pk for _ in range(2)]
    outcomes = []
    steps: list[Callable[[], object]] = [
        lambda: receive_event(actor=by_ada, data=LINKED),
        lambda: _read(by_ada, runs[0], "postgres://db:5432/orders"),
        lambda: _read(by_ada, runs[1], "s3://lake/orders"),
    ]
    for order in permutations(steps):
        with transaction.atomic():
            for step in order:
                step()
            rows = Edge.objects.filter(rel=Relation.SAME_VERSION).values_list("src__urn", "dst__urn")
            outcomes.append(set(rows))
            transaction.set_rollback(True)
    pair = (version_urn("orders", "401fcb51"), lake_urn("401fcb51"))
    assert outcomes == [{pair, pair[::-1]}] * len(outcomes)


def _read(actor: Actor, run: str, name: str) -> None:
    log_inputs(actor=actor, run_id=run, datasets=[DatasetInput(name, "401fcb51", "local", "x")])


def test_a_statement_about_a_hidden_dataset_has_no_effect(
    by_ada: Actor, cy: User, acting: Acting, settings: Any
) -> None:
    settings.DEFAULT_EXPERIMENT_LEVEL = "none"
    experiment = create_experiment(actor=by_ada, name="secret")
    run = create_run(actor=by_ada, experiment_id=experiment.pk).pk
    steps: list[Callable[[], object]] = [
        lambda: _read(by_ada, run, "s3://lake/orders"),
        lambda: receive_event(actor=acting(cy), data=LINKED),
        lambda: receive_event(actor=acting(cy), data=event("RUNNING", run=6, inputs=[table("orders", "401fcb51")])),
    ]
    for order in permutations(steps):
        with transaction.atomic():
            for step in order:
                step()
            assert not Edge.objects.filter(rel=Relation.SAME_VERSION).exists()
            transaction.set_rollback(True)


def test_a_reviewer_separates_names_and_later_events_do_not_join_them(
    by_ada: Actor, by_bea: Actor, cy: User, acting: Acting
) -> None:
    for data in (LINKED, WRITTEN):
        receive_event(actor=by_ada, data=data)
    with pytest.raises(Denied):
        separate_names(actor=acting(cy), dataset_urn=LAKE, other_urn=TABLE, reason=REASON)
    with pytest.raises(InvalidInput):
        separate_names(actor=by_bea, dataset_urn=LAKE, other_urn=TABLE, reason=" ")
    assert Edge.objects.filter(rel=Relation.SAME_VERSION).count() == 2
    separate_names(actor=by_bea, dataset_urn=LAKE, other_urn=TABLE, reason=REASON)
    assert not Edge.objects.filter(rel=Relation.SAME_VERSION).exists()
    assert set(RetractedEdge.objects.values_list("retracted_by", "reason")) == {("bea", REASON)}
    receive_event(
        actor=acting(cy),
        data=event("RUNNING", 9, run=7, inputs=[lake("v1", symlinks=links(("postgres://db:5432", "orders")))]),
    )
    assert not Edge.objects.filter(rel=Relation.SAME_VERSION).exists()
    with pytest.raises(Conflict):
        separate_names(actor=by_bea, dataset_urn=TABLE, other_urn=LAKE, reason=REASON)
    assert AuditEvent.objects.filter(action=Action.LINEAGE_NAMES_SEPARATED, outcome="ok").count() == 1


def test_who_may_not_release_a_quarantine_may_not_separate_its_names(
    by_ada: Actor, by_bea: Actor, ops: User, acting: Acting, settings: Any
) -> None:
    for data in (LINKED, WRITTEN):
        receive_event(actor=by_ada, data=data)
    place_quarantine(actor=by_bea, urn=lake_urn("v1"), reason="bad")
    settings.QUARANTINE_RELEASE_GUARDS = ["tests.lineage.openlineage.test_other_names.refuse_bea"]
    with pytest.raises(Denied, match="trained on it"):
        separate_names(actor=by_bea, dataset_urn=LAKE, other_urn=TABLE, reason=REASON)
    assert taint_of(version_urn("orders", "v1")).quarantines
    separate_names(actor=acting(ops), dataset_urn=LAKE, other_urn=TABLE, reason=REASON)
    assert not taint_of(version_urn("orders", "v1")).quarantines


def refuse_bea(actor: Actor, node: Node) -> str:
    return "You trained on it." if actor.name == "bea" else ""


def test_an_edge_that_follows_from_facts_is_not_retracted_by_everybody(by_ada: Actor) -> None:
    for data in (LINKED, WRITTEN):
        receive_event(actor=by_ada, data=data)
    for edge in Edge.objects.filter(rel=Relation.SAME_VERSION):
        with pytest.raises(Denied):
            retract_edge(actor=by_ada, edge_id=edge.pk, reason="I do not like it.")


@pytest.mark.parametrize(
    "facets",
    [
        {"symlinks": {"identifiers": "none"}},
        {"symlinks": {"identifiers": [None, {"name": 3}, {"namespace": "x"}, {"name": "\x00"}]}},
        {"symlinks": {"_deleted": True, **links(("s3://lake", "orders"))}},
        {"symlinks": links(("postgresql://DB:5432/", "orders"))},
        {"lifecycleStateChange": {"lifecycleStateChange": "RENAME"}},
        {"lifecycleStateChange": {"lifecycleStateChange": "DROP", "previousIdentifier": {"name": "x"}}},
    ],
    ids=["no list", "no names", "deleted", "its own name", "no old name", "no rename"],
)
def test_facets_that_say_nothing_state_nothing(by_ada: Actor, facets: Event) -> None:
    receive_event(actor=by_ada, data=event("RUNNING", inputs=[table("orders", "v1", **facets)]))
    assert not SameDataset.objects.exists()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE lineage_samedataset SET other_id = other_id",
        "DELETE FROM lineage_samedataset",
        "UPDATE lineage_separateddatasets SET other_id = other_id",
        "DELETE FROM lineage_separateddatasets",
    ],
)
def test_statements_and_decisions_stay(by_ada: Actor, by_bea: Actor, statement: str) -> None:
    receive_event(actor=by_ada, data=LINKED)
    separate_names(actor=by_bea, dataset_urn=LAKE, other_urn=TABLE, reason=REASON)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_over_the_api(by_ada: Actor, bea: User, client: Any) -> None:
    receive_event(actor=by_ada, data=LINKED)
    client.force_login(bea)
    (row,) = client.get("/api/v1/lineage/names", {"dataset": LAKE}).json()["names"]
    assert (row["dataset"], row["other"], row["facet"], row["stated_by"]) == (TABLE, LAKE, "symlinks", "ada")
    body = {"dataset": TABLE, "other": LAKE, "reason": REASON}
    answer = client.post("/api/v1/lineage/names/separate", body, content_type="application/json")
    assert (answer.status_code, answer.json()["separated_by"], answer.json()["reason"]) == (200, "bea", REASON)
    assert client.get("/api/v1/lineage/names", {"dataset": LAKE}).json() == {"names": []}
    assert client.get("/api/v1/lineage/names", {"dataset": "dataset:none"}).status_code == 404
