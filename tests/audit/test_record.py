"""`record`: exact bytes, in the change's own transaction, numbered without gaps."""

from __future__ import annotations

import contextlib

import pytest
from django.db import connection, transaction
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from audit.actions import Action
from audit.models import Event, OutboxMessage, Stream
from audit.queries import facts
from audit.services import enqueue, leaf_hash, record, record_denial
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
    assert event.leaf_hash == leaf_hash(bytes(event.body))
    known = facts(event)
    assert (known["after"], known["actor"]["name"], known["gen"]) == ({"name": "clf", "score": "0.5"}, "ada", 1)
    assert known["event_id"] == str(event.event_id)


def test_generations_are_contiguous_and_chained(ada: User, acting: Acting) -> None:
    events = [event_of(acting(ada), stream="model:1") for _ in range(4)]
    assert [event.gen for event in events] == [1, 2, 3, 4]
    assert [facts(event)["prev"] for event in events] == ["", *(event.leaf_hash for event in events[:-1])]
    assert Stream.objects.get().head == events[-1].leaf_hash


def test_a_rolled_back_change_leaves_no_gap(ada: User, acting: Acting) -> None:
    event_of(acting(ada), stream="model:1")
    with transaction.atomic():
        event_of(acting(ada), stream="model:1")
        transaction.set_rollback(True)
    event_of(acting(ada), stream="model:1")
    assert [event.gen for event in Event.objects.order_by("gen")] == [1, 2]


def test_a_denial_outlives_the_refused_transaction(ada: User, acting: Acting) -> None:
    refusal = Denied("No.", action=Action.REGISTRY_STAGE_CHANGED, obj="model-version:clf/1", stream="model:1")
    with contextlib.suppress(Denied), transaction.atomic():
        event_of(acting(ada), stream="model:1")
        raise refusal
    record_denial(actor=acting(ada), error=refusal)
    event = Event.objects.get()
    assert (event.outcome, event.action, event.gen, facts(event)["reason"]) == ("denied", refusal.action, 1, "No.")


def test_a_denial_already_recorded_is_not_repeated(ada: User, acting: Acting) -> None:
    error = Denied("No.", action=Action.REGISTRY_STAGE_CHANGED, recorded=True)
    assert record_denial(actor=acting(ada), error=error) is None


def test_too_much_for_one_event_is_kept_as_a_digest(ada: User, acting: Acting) -> None:
    event = event_of(acting(ada), after={str(n): "x" * 900 for n in range(90)})
    assert len(event.body) <= MAX_BYTES
    assert facts(event)["after"]["shortened"] is True


def test_an_event_costs_one_query_or_three(
    ada: User, acting: Acting, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    actor = acting(ada)
    with django_assert_num_queries(3):  # next generation, head, event
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
