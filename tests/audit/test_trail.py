"""Finding events: by object, by stream, by everything else, a page at a time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from audit import queries
from audit.actions import Action
from audit.identities.commitments import forget_cached
from audit.models import Event
from audit.queries import actor_name, events_matching, trail_for
from audit.services import record
from core.errors import InvalidInput
from tests.conftest import Acting


@pytest.fixture
def events(ada: User, bea: User, acting: Acting) -> list[Event]:
    """Five events of ada's in stream 1 about versions 1 to 5, and one of bea's in stream 2."""
    made = [
        record(
            actor=acting(ada), action=Action.REGISTRY_VERSION_CREATED, obj=f"model-version:clf/{n}", stream="model:1"
        )
        for n in range(1, 6)
    ]
    return [*made, record(actor=acting(bea), action=Action.REGISTRY_MODEL_CREATED, obj="model:x", stream="model:2")]


def test_trail_is_newest_first(events: list[Event]) -> None:
    assert [event.pk for event in trail_for(stream="model:1")] == [event.pk for event in reversed(events[:5])]
    found = trail_for("model-version:clf/2", "model:x")
    assert [event.object_ref for event in found] == ["model:x", "model-version:clf/2"]


def test_refs_within_a_stream_leave_out_who_had_the_name_before(events: list[Event]) -> None:
    found = trail_for("model-version:clf/2", "model:x", stream="model:1")
    assert [event.object_ref for event in found] == ["model-version:clf/2"]


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        ({"actor": "ada"}, 5),
        ({"action": "registry.model.created"}, 1),
        ({"obj": "model-version:clf/3"}, 1),
        ({"stream": "model:1", "outcome": "ok"}, 5),
        ({"outcome": "denied"}, 0),
        ({}, 6),
    ],
)
def test_filters(events: list[Event], wanted: dict[str, str], count: int) -> None:
    assert len(events_matching(**wanted).events) == count  # type: ignore[arg-type]  # only text filters here


def test_time_filters(events: list[Event]) -> None:
    now = timezone.now()
    assert len(events_matching(since=now - timedelta(hours=1), until=now).events) == 6
    assert events_matching(since=now).events == []


@pytest.mark.parametrize("stream", ["", "model:1"])
def test_pages_meet_without_gap_or_overlap(events: list[Event], stream: str) -> None:
    seen, cursor = [], ""
    while True:
        page = events_matching(stream=stream, cursor=cursor, size=2)
        seen += [event.pk for event in page.events]
        if not (cursor := page.cursor):
            break
    assert seen == sorted((event.pk for event in events if stream in ("", event.stream)), reverse=True)


@pytest.mark.parametrize("cursor", ["x", "-1", "1" * 30, "½"])
def test_a_foreign_cursor_is_refused(db: None, cursor: str) -> None:
    with pytest.raises(InvalidInput):
        events_matching(cursor=cursor)


def test_a_page_is_one_query(events: list[Event], django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(1):
        events_matching(size=3)
    forget_cached()
    with django_assert_num_queries(2):  # the names of all actors
        assert len({actor_name(event) for event in events_matching(size=100).events}) > 1
    with django_assert_num_queries(4):  # the commitments to a name, whether it and they have events, and the page
        events_matching(actor="ada", size=3)


_NOW = timezone.now()
_DAY = {"since": _NOW - timedelta(days=1), "until": _NOW + timedelta(days=1)}


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL plans by statistics, and this table is small")
@pytest.mark.parametrize(
    ("chosen", "index"),
    [
        ({}, "audit_event_at"),
        (_DAY, "audit_event_at"),
        ({"actor": "ada", **_DAY}, "audit_event_actor_at"),
        ({"obj": "model:x", **_DAY}, "audit_event_object_at"),
        ({"stream": "model:1", **_DAY}, "audit_event_stream_at"),
        ({"action": "registry.model.created", **_DAY}, "audit_event_action_at"),
        ({"outcome": "denied"}, "audit_event_denied_at"),
        ({"outcome": "denied", "actor": "ada"}, "audit_event_denied_actor"),
    ],
)
def test_an_index_gives_the_rows_in_order(events: list[Event], chosen: dict[str, Any], index: str) -> None:
    with CaptureQueriesContext(connection) as made:
        events_matching(**chosen)
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {made[-1]['sql']}")
        plan = " ".join(row[3] for row in cursor.fetchall())
    assert f"USING INDEX {index}" in plan
    assert "TEMP B-TREE" not in plan


def test_the_order_is_that_of_the_times(ada: User, acting: Acting) -> None:
    """The clocks of two hosts differ, and a later row may have an earlier time."""
    ids = []
    for minute in (3, 1, 2, 2):
        with time_machine.travel(_NOW + timedelta(minutes=minute), tick=False):
            event = record(actor=acting(ada), action=Action.REGISTRY_MODEL_CREATED, obj="model:x", stream="model:1")
        ids.append(event.pk)
    newest_first = [ids[0], ids[3], ids[2], ids[1]]
    first = events_matching(size=2)
    assert [event.pk for event in first.events] == newest_first[:2]
    assert [event.pk for event in events_matching(cursor=first.cursor).events] == newest_first[2:]


@pytest.mark.parametrize("few", [2000, 1])
@pytest.mark.parametrize("chosen", [{}, {"actor": "ada"}, {"outcome": "ok", **_DAY}, {"stream": "model:2"}])
def test_a_group_of_actions_is_read_as_one_list(
    events: list[Event], monkeypatch: pytest.MonkeyPatch, chosen: dict[str, Any], few: int
) -> None:
    """By the events that the other filters leave, or by the newest of each action where these are many."""
    monkeypatch.setattr(queries, "_FEW", few)
    group = {"registry.model.created", "registry.version.created", "registry.model.deleted"}
    seen, cursor = [], ""
    while True:
        page = events_matching(actions=group, cursor=cursor, size=2, **chosen)
        seen += [event.pk for event in page.events]
        if not (cursor := page.cursor):
            break
    assert seen == [event.pk for event in events_matching(**chosen).events]
    assert events_matching(actions={"registry.model.deleted"}, **chosen).events == []
