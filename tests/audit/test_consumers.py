"""Those in AUDIT_CONSUMERS learn of an event in its transaction;
one that fails loses neither the change nor the event.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.checks import run_checks
from django.db import connection, transaction
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.models import User
from audit.actions import Action
from audit.consumers import consumes, retry_missed
from audit.models import Event, Log, MissedEvent, OutboxMessage
from audit.services import enqueue, record
from core.actors import Actor
from tests.conftest import Acting

HERE = "tests.audit.test_consumers"
heard: list[int] = []


@consumes(Action.REGISTRY_MODEL_CREATED)
def listen(event: Event) -> None:
    enqueue("nobody.tasks.nothing", event=event.pk)
    heard.append(event.pk)


@consumes(Action.REGISTRY_MODEL_CREATED)
def stumble(_event: Event) -> None:
    Log.objects.create(number=9, origin="half done")
    with connection.cursor() as cursor:
        cursor.execute("SELECT nothing FROM nowhere")


def unmarked(_event: Event) -> None:
    """Say nothing about what it consumes."""


@pytest.fixture
def by_ada(ada: User, acting: Acting) -> Actor:
    heard.clear()
    return acting(ada)


def create(actor: Actor, action: Action = Action.REGISTRY_MODEL_CREATED) -> Event:
    return record(actor=actor, action=action, obj="model:clf")


def test_a_consumer_hears_what_it_asked_for(by_ada: Actor, settings: Settings) -> None:
    settings.AUDIT_CONSUMERS = [f"{HERE}.listen"]
    event = create(by_ada)
    create(by_ada, Action.REGISTRY_MODEL_DELETED)
    assert heard == [event.pk]
    assert OutboxMessage.objects.get().kwargs == {"event": event.pk}


def test_what_nobody_wants_costs_nothing(
    by_ada: Actor, settings: Settings, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    settings.AUDIT_CONSUMERS = [f"{HERE}.listen"]
    create(by_ada, Action.REGISTRY_MODEL_DELETED)  # the first event of a person stores the name, too
    with django_assert_num_queries(1):
        create(by_ada, Action.REGISTRY_MODEL_DELETED)


def test_a_consumer_that_fails_keeps_the_change_and_the_event(by_ada: Actor, settings: Settings) -> None:
    settings.AUDIT_CONSUMERS = [f"{HERE}.stumble", f"{HERE}.listen"]
    event = create(by_ada)
    assert Event.objects.get() == event
    assert heard == [event.pk]
    assert not Log.objects.filter(origin="half done").exists()
    missed = MissedEvent.objects.get()
    assert (missed.event, missed.consumer, missed.attempts) == (event, f"{HERE}.stumble", 1)


def test_a_missed_event_is_told_again_until_it_is_taken(
    by_ada: Actor, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.AUDIT_CONSUMERS = [f"{HERE}.stumble"]
    event = create(by_ada)
    now = timezone.now()
    assert retry_missed(now=now) == 0  # not due yet
    assert retry_missed(now=now + timedelta(minutes=1)) == 0
    assert MissedEvent.objects.get().attempts == 2
    monkeypatch.setattr(f"{HERE}.stumble", listen)
    assert retry_missed(now=now + timedelta(hours=1)) == 1
    assert heard == [event.pk]
    assert not MissedEvent.objects.exists()


def test_what_was_missed_by_one_who_left_the_list_is_forgotten(by_ada: Actor, settings: Settings) -> None:
    settings.AUDIT_CONSUMERS = [f"{HERE}.stumble"]
    create(by_ada)
    settings.AUDIT_CONSUMERS = []
    assert retry_missed(now=timezone.now() + timedelta(hours=1)) == 1
    assert not MissedEvent.objects.exists()


def test_nothing_is_left_of_a_change_that_rolled_back(by_ada: Actor, settings: Settings) -> None:
    settings.AUDIT_CONSUMERS = [f"{HERE}.listen", f"{HERE}.stumble"]
    with transaction.atomic():
        create(by_ada)
        transaction.set_rollback(True)
    assert not OutboxMessage.objects.exists()
    assert not MissedEvent.objects.exists()


@pytest.mark.parametrize(
    ("path", "code"), [("audit.nowhere", "E001"), ("audit.services.SCHEMA", "E002"), (f"{HERE}.unmarked", "E003")]
)
def test_a_consumer_that_cannot_be_one_stops_the_start(settings: Settings, path: str, code: str) -> None:
    settings.AUDIT_CONSUMERS = [path]
    assert f"audit.{code}" in [problem.id for problem in run_checks()]
