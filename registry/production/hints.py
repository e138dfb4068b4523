"""Hints to waiting programs that Production of a model may have changed, through the broker after the commit.

A hint may be lost: whoever waits also reads the states once a second. So it is no message of the outbox, which would
cost each promotion a row and a worker.
"""

from __future__ import annotations

import logging
import time
from contextlib import closing

import redis
from django.conf import settings
from django.db import transaction

from audit.actions import Action
from audit.broker import broker_client
from audit.consumers import consumes
from audit.models import Event

logger = logging.getLogger(__name__)

CHANNEL = "custody-production"
_TIMEOUT_SECONDS = 0.2
_PAUSE_SECONDS = 5.0


class _Broker:
    """The time until which this process sends no hints, because the broker did not answer."""

    away_until = 0.0


@consumes(
    Action.REGISTRY_STAGE_CHANGED,
    Action.REGISTRY_REVIEW_DUE_SET,
    Action.REGISTRY_MODEL_RENAMED,
    Action.REGISTRY_MODEL_DELETED,
)
def on_change(event: Event) -> None:
    """Send the stream of the model (`model:<id>`) after the commit. Idempotent."""
    stream = event.stream
    if event.outcome == "ok" and stream:
        transaction.on_commit(lambda: send_hint(stream), robust=True)


def send_hint(stream: str) -> bool:
    """Publish one hint; return whether the broker took it. After an error none is sent for five seconds."""
    if time.monotonic() < _Broker.away_until:
        return False
    try:
        with closing(broker_client(settings.REDIS_URL, _TIMEOUT_SECONDS)) as broker:
            broker.publish(CHANNEL, stream)
    except (redis.RedisError, OSError) as error:
        _Broker.away_until = time.monotonic() + _PAUSE_SECONDS
        logger.info("no hint was sent: %s", error)
        return False
    return True
