"""Rows that are inserted many at once are as they were given, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from audit.actions import Action
from audit.models import Event
from audit.services import record_many
from core.bulk import BulkInsert, among
from lineage.models import Edge, LineageEvent, Node
from tests.conftest import Acting

TEXTS = [
    "",
    "NULL",
    "null",
    'say "no"',
    "back\\slash",
    "{a,b}",
    "line\nbreak",
    "日本",
    "'; DROP TABLE x; --",
    "\x7f",
    "%s",
]
AT = datetime(2026, 11, 1, 10, 0, 0, 123456, tzinfo=UTC)

pytestmark = pytest.mark.django_db


def test_every_kind_of_value_comes_back() -> None:
    nodes = BulkInsert(Node, returning=("id", "urn"))
    ids = {urn: pk for pk, urn in nodes.run([{"kind": 1, "urn": "dataset:parent", "name": "parent"}])}
    rows = [
        {
            "kind": 2,
            "urn": f"u{number}",
            "name": text,
            "container_id": ids["dataset:parent"],
            "attrs": {"text": text, "n": None},
        }
        for number, text in enumerate(TEXTS)
    ]
    nodes.run(rows)
    for row in rows:
        node = Node.objects.get(urn=row["urn"])
        assert (node.name, node.attrs, node.container_id) == (row["name"], row["attrs"], row["container_id"])
        assert (node.version, node.alias_of_id) == ("", None)
        assert abs((datetime.now(UTC) - node.recorded_at).total_seconds()) < 600


def test_times_keep_their_microseconds() -> None:
    body = {"body": "{}", "subject": "run:1", "sent_by": "ada", "actor_ref": "user:1"}
    BulkInsert(LineageEvent).run([{"sha256": "a", "event_time": AT} | body])
    assert LineageEvent.objects.get().event_time == AT


def test_what_exists_stays_and_returns_nothing() -> None:
    first, second = (Node.objects.create(kind=5, urn=name, name=name).pk for name in ("run:1", "run:2"))
    edges = BulkInsert(Edge, conflict="ON CONFLICT (src_id, dst_id, rel, role) DO NOTHING", returning=("id",))
    row = {"src_id": first, "dst_id": second, "rel": 1}
    assert len(edges.run([row])) == 1
    assert edges.run([row, row]) == []
    assert Edge.objects.count() == 1


def test_a_constraint_refuses_all_rows() -> None:
    node = Node.objects.create(kind=5, urn="run:1", name="run").pk
    other = Node.objects.create(kind=5, urn="run:2", name="run").pk
    with pytest.raises(IntegrityError), transaction.atomic():
        BulkInsert(Edge).run([{"src_id": node, "dst_id": other, "rel": 1}, {"src_id": node, "dst_id": node, "rel": 1}])
    assert not Edge.objects.exists()


def test_among_is_a_set_of_texts() -> None:
    for text in TEXTS:
        Node.objects.create(kind=1, urn=f"urn:{text}", name=text)
    assert set(Node.objects.filter(name__in=among(TEXTS[:5])).values_list("name", flat=True)) == set(TEXTS[:5])
    assert not Node.objects.filter(name__in=among([])).exists()


def test_many_events_are_one_statement_and_each_is_whole(acting: Acting, ada: User) -> None:
    actor = acting(ada)
    with transaction.atomic(), CaptureQueriesContext(connection) as queries:
        record_many(
            actor=actor,
            action=Action.LINEAGE_EVENTS_RECEIVED,
            changes={f"run:{number}": {"sha256": [text]} for number, text in enumerate(TEXTS)},
        )
    inserts = [query for query in queries if "INSERT INTO audit_event" in query["sql"]]
    assert len(inserts) == 1
    events = Event.objects.filter(action=Action.LINEAGE_EVENTS_RECEIVED)
    assert {event.object_ref for event in events} == {f"run:{number}" for number in range(len(TEXTS))}
    assert all(bytes(event.body).startswith(b'{"action":"lineage.events.received"') for event in events)
    assert len({event.event_id for event in events}) == len(TEXTS)


@pytest.mark.django_db(transaction=True)
def test_events_outside_a_transaction_are_refused(acting: Acting, ada: User) -> None:
    actor = acting(ada)
    with pytest.raises(RuntimeError):
        record_many(actor=actor, action=Action.LINEAGE_EVENTS_RECEIVED, changes={"run:1": {}})
    assert not Event.objects.filter(action=Action.LINEAGE_EVENTS_RECEIVED).exists()
