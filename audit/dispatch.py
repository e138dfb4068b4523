"""Sends outbox messages to the broker.

After an error of the broker, a process sends no new message at commit for five seconds (`dispatch_soon`).
"""

from __future__ import annotations

import logging
import time
from contextvars import ContextVar

from celery import current_app
from django.db.models import F
from django.utils import timezone
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from audit.models import OutboxMessage
from core.bulk import after_hooks

logger = logging.getLogger(__name__)

_PAUSE_SECONDS = 5.0
# The `traceparent` of the present request or task; config/tracing sets it, "" where nothing is traced.
current_trace: ContextVar[str] = ContextVar("current_trace", default="")


class _Broker:
    """The time until which this process treats the broker as unreachable, so that requests do not wait for it."""

    away_until = 0.0


def dispatch_soon(message: OutboxMessage) -> bool:
    """Send one message, unless the broker did not answer just now; return whether it was sent.

    The messages of one commit are marked as delivered together.
    """
    if time.monotonic() < _Broker.away_until or not _is_taken(message):
        return False
    after_hooks(_mark_delivered, message.pk)
    return True


def send(message: OutboxMessage) -> bool:
    """Send one message and mark it as delivered; return whether it was sent.

    An error of the broker is stored, not raised.
    """
    if not _is_taken(message):
        return False
    _mark_delivered([message.pk])
    return True


def _is_taken(message: OutboxMessage) -> bool:
    """Send one message and return whether the broker took it. An error is stored with the message."""
    try:
        headers = {"traceparent": message.trace} if message.trace else None
        current_app.send_task(message.task, kwargs=message.kwargs, queue=message.queue, headers=headers, retry=False)
    except (OperationalError, RedisError, OSError) as error:
        _Broker.away_until = time.monotonic() + _PAUSE_SECONDS
        logger.warning("broker away, %s stays in the outbox: %s", message.task, error)
        OutboxMessage.objects.filter(pk=message.pk).update(attempts=F("attempts") + 1, last_error=str(error)[:500])
        return False
    return True


def _mark_delivered(message_ids: list[int]) -> None:
    rows = OutboxMessage.objects.filter(pk__in=message_ids)
    rows.update(delivered_at=timezone.now(), attempts=F("attempts") + 1)
