"""Who else wants to know of an event: the callables that ``AUDIT_CONSUMERS`` names, called by `audit.services.record`.

A consumer is called with the event just inserted, in the transaction of the change; what it writes commits with the change
or not at all. It must only write rows and enqueue tasks. One that raises loses nothing: what it had written is undone, the
change stands, and a `MissedEvent` that commits with it has the consumer called again until it succeeds.
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
    """What an entry of AUDIT_CONSUMERS must be. ``actions`` says when it is called: nothing else costs anything."""

    actions: frozenset[str]

    def __call__(self, event: Event, /) -> None: ...


def consumes(*actions: Action) -> Callable[[Callable[[Event], None]], Consumer]:
    """Make a function a consumer of events with these actions."""

    def mark(function: Callable[[Event], None]) -> Consumer:
        function.actions = frozenset(action.value for action in actions)  # type: ignore[attr-defined]  # functions take attributes
        return function  # type: ignore[return-value]  # the line above made it one

    return mark


def is_consumed(action: str) -> bool:
    """Return whether anybody wants to know of events with this action."""
    return any(action in consumer.actions for _, consumer in _consumers())


def announce(event: Event) -> None:
    """Call every consumer that wants the event, each in a savepoint of its own; never raise for a consumer's fault."""
    for path, consumer in _consumers():
        if event.action in consumer.actions and (error := _call(consumer, event)):
            MissedEvent.objects.create(
                event=event, consumer=path, error=error, next_attempt_at=timezone.now() + _FIRST_RETRY
            )


def retry_missed(*, now: datetime | None = None) -> int:
    """Call the consumers of missed events that are due again; return how many of them succeeded."""
    at = now or timezone.now()
    done = 0
    with transaction.atomic():
        due = MissedEvent.objects.filter(next_attempt_at__lte=at).select_related("event")
        if connection.features.has_select_for_update_skip_locked:
            due = due.select_for_update(skip_locked=True, of=("self",))
        for missed in due.order_by("next_attempt_at")[:_BATCH]:
            done += _again(missed, at)
    return done


def _again(missed: MissedEvent, at: datetime) -> bool:
    consumer = dict(_consumers()).get(missed.consumer)
    # One that is no longer in the list has nothing to be told.
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
    """Return "" when the consumer took the event, else why not."""
    try:
        with transaction.atomic():
            consumer(event)
    except Exception as error:  # whatever it is, the change it is about must not be lost over it
        logger.exception("a consumer failed over event %s (%s); it will be called again", event.pk, event.action)
        return f"{type(error).__name__}: {error}".replace("\x00", "")[:1000]
    return ""


def _consumers() -> Iterator[tuple[str, Consumer]]:
    for path in settings.AUDIT_CONSUMERS:
        yield path, import_string(path)
