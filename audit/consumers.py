"""Consumers of events: the callables that ``AUDIT_CONSUMERS`` names, called by `audit.services.record`.

A consumer is called with the new event in the transaction of the change: its writes commit with the change or not at
all. It must only write rows and enqueue tasks. When it raises, its writes are undone, the change stays, and a
`MissedEvent` is stored so that the consumer is called again until it succeeds.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Protocol

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from django.utils.module_loading import import_string

from audit.actions import Action
from audit.models import Event, MissedEvent

logger = logging.getLogger(__name__)

_FIRST_RETRY = timedelta(seconds=30)
_LAST_RETRY = timedelta(hours=1)
_BATCH = 100


class Consumer(Protocol):
    """The interface of an entry of AUDIT_CONSUMERS. It is called for events with one of ``actions`` only."""

    actions: frozenset[str]

    def __call__(self, event: Event, /) -> None:
        """Write rows and enqueue tasks for an event. Whatever it raises has it called again later."""


def consumes(*actions: Action) -> Callable[[Callable[[Event], None]], Consumer]:
    """Return a decorator that makes a function a consumer of events with these actions."""

    def mark(function: Callable[[Event], None]) -> Consumer:
        function.actions = frozenset(action.value for action in actions)  # type: ignore[attr-defined]  # functions take attributes
        return function  # type: ignore[return-value]  # the line above made it one

    return mark


def is_consumed(action: str) -> bool:
    """Return whether any consumer wants events with this action."""
    return any(action in consumer.actions for _, consumer in _consumers())


def call_consumers(event: Event) -> None:
    """Call every consumer that wants the event, each in a savepoint of its own.

    An error of a consumer is stored, not raised.
    """
    for path, consumer in _consumers():
        if event.action in consumer.actions and (error := _call(consumer, event)):
            MissedEvent.objects.create(
                event=event, consumer=path, error=error, next_attempt_at=timezone.now() + _FIRST_RETRY
            )


def retry_missed(*, now: datetime | None = None) -> int:
    """Call the consumers of missed events that are due again; return the number that succeeded."""
    at = now or timezone.now()
    done = 0
    with transaction.atomic():
        due = MissedEvent.objects.filter(next_attempt_at__lte=at).select_related("event")
        if connection.features.has_select_for_update_skip_locked:
            due = due.select_for_update(skip_locked=True, of=("self",))
        for missed in due.order_by("next_attempt_at")[:_BATCH]:
            done += _retry(missed, at)
    return done


def _retry(missed: MissedEvent, at: datetime) -> bool:
    consumer = dict(_consumers()).get(missed.consumer)
    # For a consumer that is no longer in the settings there is nothing to retry.
    error = _call(consumer, missed.event) if consumer else ""
    if not error:
        missed.delete()
        return True
    missed.attempts += 1
    missed.error = error
    missed.next_attempt_at = at + min(_FIRST_RETRY * 2 ** min(missed.attempts, 10), _LAST_RETRY)
    missed.save(update_fields=["attempts", "error", "next_attempt_at"])
    return False


def _call(consumer: Consumer, event: Event) -> str:
    """Call a consumer; return its error as text, "" for none."""
    try:
        with transaction.atomic():
            consumer(event)
    except Exception as error:  # whatever it is, the change must not be lost over it
        logger.exception("a consumer failed on event %s (%s); it will be called again", event.pk, event.action)
        return f"{type(error).__name__}: {error}".replace("\x00", "")[:1000]
    return ""


def _consumers() -> Iterator[tuple[str, Consumer]]:
    for path in settings.AUDIT_CONSUMERS:
        yield path, import_string(path)
