"""`record`: exact bytes, in the change's own transaction."""

from __future__ import annotations

import contextlib

import pytest
import time_machine
from django.db import connection, transaction
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from audit.actions import Action
from audit.models import Event, Leaf, OutboxMessage
from audit.queries import facts
from audit.services import enqueue, record, record_denial
from audit.transparency.sequencer import Sequencer
from core.actors import Actor
from core.canonical import MAX_BYTES
from core.errors import Denied
from tests.conftest import Acting


def event_of(actor: Actor, **more: object) -> Event:
    return record(actor=actor, action=Action.REGISTRY_MODEL_CREATED, obj="model:clf", **more)  # type: ignore[arg-type]  # each test passes what it means


@pytest.mark.django_db(transaction=True)
def test_outside_a_transaction_nothing_is_recorded(ada: User, acting: Acting) -> None:
    with pytest.raises(RuntimeError, match="outside a transaction"):
        event_of(acting(ada))
    with pytest.raises(RuntimeError, match="outside a transaction"):
        enqueue("audit.tasks.relay_outbox")
    assert not Event.objects.exists()
    assert not OutboxMessage.objects.exists()


def test_the_bytes_are_the_evidence(ada: User, acting: Acting) -> None:
    made = event_of(acting(ada), stream="model:1", after={"name": "clf", "score": 0.5})
    event = Event.objects.get(pk=made.pk)
    known = facts(event)
    assert (known["after"], known["actor"]["name"], known["schema"]) == ({"name": "clf", "score": "0.5"}, "ada", 4)
    assert known["event_id"] == str(event.event_id)
    assert not known.keys() & {"prev", "gen"}  # the log gives the place, the writer the event


def test_event_ids_are_in_the_order_of_time(ada: User, acting: Acting) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        events = []
        for _ in range(4):
            events.append(event_of(acting(ada)))
            clock.shift(1)
    assert sorted(events, key=lambda event: event.event_id) == events
    assert {event.event_id.version for event in events} == {7}


def test_a_rolled_back_change_leaves_no_gap(ada: User, acting: Acting) -> None:
    event_of(acting(ada), stream="model:1")
    with transaction.atomic():
        event_of(acting(ada), stream="model:1")
        transaction.set_rollback(True)
    event_of(acting(ada), stream="model:1")
    Sequencer().run_once()
    assert list(Leaf.objects.order_by("seq").values_list("seq", "gen")) == [(0, 1), (1, 2)]


def test_a_denial_outlives_the_refused_transaction(ada: User, acting: Acting) -> None:
    refusal = Denied("No.", action=Action.REGISTRY_STAGE_CHANGED, obj="model-version:clf/1", stream="model:1")
    with contextlib.suppress(Denied), transaction.atomic():
        event_of(acting(ada), stream="model:1")
        raise refusal
    record_denial(actor=acting(ada), error=refusal)
    event = Event.objects.get()
    assert (event.outcome, event.action, facts(event)["reason"]) == ("denied", refusal.action, "No.")


def test_a_denial_already_recorded_is_not_repeated(ada: User, acting: Acting) -> None:
    error = Denied("No.", action=Action.REGISTRY_STAGE_CHANGED, recorded=True)
    assert record_denial(actor=acting(ada), error=error) is None


def test_too_much_for_one_event_is_kept_as_a_digest(ada: User, acting: Acting) -> None:
    event = event_of(acting(ada), after={"tags": {str(n): "x" * 900 for n in range(90)}})
    assert len(event.body) <= MAX_BYTES
    assert facts(event)["after"]["shortened"] is True


def test_an_event_costs_one_query(ada: User, acting: Acting, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    actor = acting(ada)
    event_of(actor)  # the first one of a person stores the name, too
    with django_assert_num_queries(1):
        event_of(actor, stream="model:1")
    with django_assert_num_queries(1):
        event_of(actor)


def test_the_database_knows_only_two_outcomes(ada: User, acting: Acting) -> None:
    with pytest.raises(Exception, match=r"audit_event_outcome"), transaction.atomic():
        event_of(acting(ada), outcome="maybe")
    assert connection.in_atomic_block
    assert not Event.objects.exists()


def test_a_refusal_of_unstorable_text_is_still_recorded(ada: User, acting: Acting) -> None:
    error = Denied("No\x00.", action=Action.API_CALLED, obj="model:\x00\ud800")
    event = record_denial(actor=acting(ada), error=error)
    assert event is not None
    assert Event.objects.get().object_ref == "model:\N{REPLACEMENT CHARACTER}?"
    assert facts(event)["reason"] == "No\x00."
