"""Effects reach a real broker after the commit, or wait in the outbox until it is back."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import redis
from celery import current_app
from django.db import transaction
from django.utils import timezone
from kombu import Connection, pools
from pytest_django import DjangoCaptureOnCommitCallbacks

from audit import dispatch
from audit.models import OutboxMessage
from audit.services import enqueue
from audit.tasks import relay_outbox

APP: Any = current_app  # the types know nothing of settings that can be written
REDIS = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/1")
NOWHERE = "redis://127.0.0.1:1/0"
QUEUE = "custody-test-outbox"
TASK = "approvals.tasks.run_check"


def use_broker(url: str) -> None:
    """Point this process at a broker, forgetting connections and bad experiences with the last one."""
    APP.conf.broker_url = APP.conf.broker_write_url = url
    pools.reset()
    APP._pool = APP.amqp._producer_pool = None
    dispatch._Broker.away_until = 0.0


@pytest.fixture
def broker(db: None) -> Iterator[redis.Redis]:
    """Return a client of a real broker with an empty test queue."""
    client = redis.Redis.from_url(REDIS, socket_connect_timeout=1)
    try:
        client.delete(QUEUE)
    except redis.ConnectionError:
        pytest.skip(f"no Redis at {REDIS}")
    before = APP.conf.broker_url, APP.conf.broker_write_url
    use_broker(REDIS)
    yield client
    use_broker(REDIS)
    APP.conf.broker_url, APP.conf.broker_write_url = before
    client.delete(QUEUE)
    client.close()


def received() -> list[dict[str, object]]:
    """Return the keyword arguments of all messages in the queue, taking them out."""
    found = []
    with Connection(REDIS) as connection, connection.SimpleQueue(QUEUE) as queue, contextlib.suppress(queue.Empty):
        while True:
            message = queue.get(block=False)
            message.ack()
            found.append(message.decode()[1])
    return found


def age(seconds: float) -> None:
    OutboxMessage.objects.update(created_at=timezone.now() - timedelta(seconds=seconds))


@pytest.mark.queue
def test_a_committed_effect_is_sent_at_once(
    broker: redis.Redis, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        enqueue(TASK, queue=QUEUE, check_id=7)
    assert received() == [{"check_id": 7}]
    assert OutboxMessage.objects.get().delivered_at is not None


@pytest.mark.queue
def test_a_rolled_back_effect_is_never_sent(
    broker: redis.Redis, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        enqueue(TASK, queue=QUEUE, check_id=7)
        transaction.set_rollback(True)
    assert received() == []
    assert not OutboxMessage.objects.exists()


@pytest.mark.queue
def test_what_a_broker_that_is_away_missed_is_sent_later(
    broker: redis.Redis, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    use_broker(NOWHERE)
    began = time.monotonic()
    with django_capture_on_commit_callbacks(execute=True):
        for n in range(3):
            enqueue(TASK, queue=QUEUE, check_id=n)
    assert time.monotonic() - began < 20  # the broker is tried once, and no waits between tries follow
    first, *others = OutboxMessage.objects.order_by("id")
    assert (first.attempts, bool(first.last_error)) == (1, True)
    assert [message.attempts for message in others] == [0, 0]  # not tried again at once

    use_broker(REDIS)
    age(60)
    assert relay_outbox() == 3
    assert received() == [{"check_id": n} for n in range(3)]
    assert relay_outbox() == 0


@pytest.mark.queue
def test_the_relay_stops_at_the_first_failure(broker: redis.Redis) -> None:
    for n in range(3):
        enqueue(TASK, queue=QUEUE, check_id=n)
    age(60)
    use_broker(NOWHERE)
    assert relay_outbox() == 0
    assert [message.attempts for message in OutboxMessage.objects.order_by("id")] == [1, 0, 0]


@pytest.mark.queue
def test_the_relay_leaves_the_young_to_their_writers(broker: redis.Redis) -> None:
    enqueue(TASK, queue=QUEUE, check_id=1)
    assert relay_outbox() == 0
