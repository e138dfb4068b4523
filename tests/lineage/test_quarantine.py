"""Quarantine of dataset versions: who may, what it reaches, and that it is written down for good."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group
from django.db import Error, connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from accounts.models import User
from audit.actions import Action
from audit.models import Event
from core.actors import Actor, system_actor
from core.errors import Conflict, Denied, InvalidInput, NotFound
from lineage import quarantine
from lineage.edges import record_edge
from lineage.models import Node, Quarantine, Relation
from lineage.quarantine import place_quarantine, release_quarantine, taint_of, taints
from lineage.queries import find_node
from lineage.services import record_produced
from tests.conftest import Acting
from tests.lineage.facts import record_consumed

SYSTEM = system_actor("test")
ORDERS = "dataset-version:orders/v1"
REASON = "Half of the rows are duplicates."


@pytest.fixture
def graph(db: None) -> None:
    """Version 1 of fraud from orders v1, version 2 from orders v2."""
    for number in (1, 2):
        record_consumed(actor=SYSTEM, run_id=f"r{number}", dataset="orders", version=f"v{number}")
        record_produced(actor=SYSTEM, run_id=f"r{number}", model="fraud", version=number)


@pytest.fixture
def keeper(bea: User, acting: Acting) -> Actor:
    return acting(bea)


def placed_events() -> int:
    return Event.objects.filter(action=Action.LINEAGE_QUARANTINE_PLACED, outcome="ok").count()


def test_it_reaches_what_descends_and_nothing_else(graph: None, keeper: Actor) -> None:
    place_quarantine(actor=keeper, urn=ORDERS, reason=REASON)
    found = taints(["model-version:fraud/1", "model-version:fraud/2", "run:r1", ORDERS, "run:unknown"])
    assert [bool(found[urn].quarantines) for urn in found] == [True, False, True, True, False]
    assert [found[urn].complete for urn in found] == [True, True, True, True, False]
    assert placed_events() == 1


def test_a_release_ends_it_and_keeps_both_reasons(graph: None, keeper: Actor) -> None:
    place_quarantine(actor=keeper, urn=ORDERS, reason=REASON)
    row = release_quarantine(actor=keeper, urn=ORDERS, reason="Mended upstream.")
    assert (row.reason, row.release_reason, row.released_by) == (REASON, "Mended upstream.", "bea")
    assert not taint_of("model-version:fraud/1").quarantines
    place_quarantine(actor=keeper, urn=ORDERS, reason="Again.")
    assert Quarantine.objects.count() == 2


@pytest.mark.parametrize(
    ("urn", "reason", "error"),
    [
        (ORDERS, "  ", InvalidInput),
        (ORDERS, "x" * 1001, InvalidInput),
        (ORDERS, "a\x00b", InvalidInput),
        ("run:r1", REASON, InvalidInput),
        ("dataset-version:orders/v9", REASON, NotFound),
        ("x\x00", REASON, NotFound),
    ],
)
def test_what_cannot_be_quarantined(graph: None, keeper: Actor, urn: str, reason: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        place_quarantine(actor=keeper, urn=urn, reason=reason)
    assert not Quarantine.objects.exists()
    assert placed_events() == 0


def test_twice_is_a_conflict(graph: None, keeper: Actor) -> None:
    with pytest.raises(Conflict):
        release_quarantine(actor=keeper, urn=ORDERS, reason=REASON)
    place_quarantine(actor=keeper, urn=ORDERS, reason=REASON)
    with pytest.raises(Conflict):
        place_quarantine(actor=keeper, urn=ORDERS, reason=REASON)
    assert Quarantine.objects.count() == 1


def test_not_everybody_may(graph: None, ada: User, acting: Acting) -> None:
    with pytest.raises(Denied):
        place_quarantine(actor=acting(ada), urn=ORDERS, reason=REASON)
    assert not Quarantine.objects.exists()


def test_a_job_may_place_but_people_release(graph: None, bot: User, ops: User, acting: Acting) -> None:
    bot.groups.add(Group.objects.get_or_create(name="operators")[0])
    place_quarantine(actor=acting(bot), urn=ORDERS, reason=REASON)
    with pytest.raises(Denied):
        release_quarantine(actor=acting(bot), urn=ORDERS, reason=REASON)
    assert taint_of("run:r1").quarantines
    release_quarantine(actor=acting(ops), urn=ORDERS, reason=REASON)


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM lineage_quarantine",
        "UPDATE lineage_quarantine SET reason = 'x'",
        "UPDATE lineage_quarantine SET placed_by = 'x'",
        "UPDATE lineage_quarantine SET released_by = 'x'",
    ],
)
def test_the_database_keeps_it(graph: None, keeper: Actor, sql: str) -> None:
    place_quarantine(actor=keeper, urn=ORDERS, reason=REASON)
    with pytest.raises(Error), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
    assert Quarantine.objects.get().reason == REASON


def test_a_release_is_final(graph: None, keeper: Actor) -> None:
    place_quarantine(actor=keeper, urn=ORDERS, reason=REASON)
    release_quarantine(actor=keeper, urn=ORDERS, reason=REASON)
    with pytest.raises(Error, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE lineage_quarantine SET released_by = '', release_reason = '', released_at = NULL")
    assert not taint_of("run:r1").quarantines


def test_the_queries_do_not_grow(graph: None, keeper: Actor) -> None:
    place_quarantine(actor=keeper, urn=ORDERS, reason=REASON)
    with CaptureQueriesContext(connection) as few:
        taints(["model-version:fraud/1"])
    for number in range(3, 30):
        record_produced(actor=SYSTEM, run_id="r1", model="fraud", version=number)
    with CaptureQueriesContext(connection) as many:
        found = taints([f"model-version:fraud/{number}" for number in range(3, 30)])
    assert len(many) == len(few) == 4
    assert all(taint.quarantines for taint in found.values())


def test_an_ancestry_too_large_is_not_complete(graph: None, keeper: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    place_quarantine(actor=keeper, urn="dataset-version:orders/v2", reason=REASON)
    alone = taints(["model-version:fraud/1"])
    monkeypatch.setattr(quarantine, "MAX_ANCESTORS", 2)
    cut = taint_of("model-version:fraud/1")
    assert (alone["model-version:fraud/1"].complete, cut.complete) == (True, False)
    monkeypatch.setattr(quarantine, "_MAX_TOGETHER", 1)
    assert taint_of("model-version:fraud/1") == cut


@settings(max_examples=25)
@given(edges=st.sets(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=12))
@pytest.mark.django_db
def test_the_answer_is_that_of_a_walk_by_hand(edges: set[tuple[int, int]]) -> None:
    """Runs r0…r5 each produce a version; an edge (a, b), a < b, lets run b read version a. Orders v1 goes into r0."""
    pairs = {(a, b) for a, b in edges if a < b}
    with transaction.atomic():
        reached = {0}
        for b in range(6):
            reached |= {b for a, c in pairs if c == b and a in reached}
        _grow(pairs)
        place_quarantine(actor=SYSTEM, urn="dataset-version:o/1", reason=REASON)
        found = taints([f"model-version:m/{n + 1}" for n in range(6)])
        assert {n for n in range(6) if found[f"model-version:m/{n + 1}"].quarantines} == reached
        transaction.set_rollback(True)


def _grow(pairs: set[tuple[int, int]]) -> None:
    record_consumed(actor=SYSTEM, run_id="r0", dataset="o", version="1")
    for n in range(6):
        record_produced(actor=SYSTEM, run_id=f"r{n}", model="m", version=n + 1)
    for a, b in sorted(pairs):
        src, dst = Node.objects.get(urn=f"model-version:m/{a + 1}"), Node.objects.get(urn=f"run:r{b}")
        record_edge(actor=SYSTEM, src=src, dst=dst, rel=Relation.CONSUMED, mode="observed", source="test")


def test_over_the_api(graph: None, bea: User) -> None:
    client = APIClient()
    client.force_login(bea)
    body = {"dataset_version": ORDERS, "reason": REASON}
    made = client.post("/api/v1/lineage/quarantines", body, format="json")
    assert (made.status_code, made.json()["placed_by"]) == (201, "bea")
    assert client.post("/api/v1/lineage/quarantines", body, format="json").status_code == 409
    assert [row["dataset_version"] for row in client.get("/api/v1/lineage/quarantines").json()["quarantines"]] == [
        ORDERS
    ]
    assert client.post("/api/v1/lineage/quarantines/release", body, format="json").status_code == 200
    assert client.get("/api/v1/lineage/quarantines").json()["quarantines"] == []
    bad = client.post("/api/v1/lineage/quarantines", {"dataset_version": 3}, format="json")
    assert (bad.status_code, bad["Content-Type"]) == (400, "application/problem+json")


def test_it_reaches_the_same_bytes_under_another_name(db: None, keeper: Actor) -> None:
    digest = "0123456789abcdef0123456789abcdef"
    for number, name in enumerate(("orders", "orders_table")):
        record_consumed(actor=SYSTEM, run_id=f"r{number}", dataset=name, version="", digest=digest)
        record_produced(actor=SYSTEM, run_id=f"r{number}", model=f"m{number}", version=1)
    place_quarantine(actor=keeper, urn=f"dataset-version:orders/{digest}", reason=REASON)
    assert taint_of("model-version:m1/1").quarantines


def test_it_stays_when_the_data_get_a_name(db: None, keeper: Actor) -> None:
    record_consumed(actor=SYSTEM, run_id="r1", dataset="orders", version="", digest="d1")
    record_produced(actor=SYSTEM, run_id="r1", model="fraud", version=1)
    place_quarantine(actor=keeper, urn="dataset-version:orders/d1", reason=REASON)
    record_consumed(actor=SYSTEM, run_id="r2", dataset="orders", version="v1", digest="d1")
    assert find_node("dataset-version:orders/d1").version == "v1"
    assert taint_of("model-version:fraud/1").quarantines
    with pytest.raises(Conflict):
        place_quarantine(actor=keeper, urn="dataset-version:orders/v1", reason=REASON)
    assert release_quarantine(actor=keeper, urn="dataset-version:orders/v1", reason="Fine.").released_by == "bea"
