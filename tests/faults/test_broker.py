"""A broker that resets, delays or answers nothing: messages wait in the outbox and are sent when it is back."""

from __future__ import annotations

import time
from typing import Any

import pytest
from celery import current_app
from django.db import transaction
from pytest_django import Settings

from audit import dispatch
from audit.broker import broker_client
from audit.models import OutboxMessage
from audit.services import enqueue
from config.limits import rate
from config.status.programs import programs_area
from tests.config.status.conftest import broker, broker_url
from tests.faults.conftest import NewProxy
from tests.faults.proxy import FaultProxy

__all__ = ["broker", "broker_url"]

LIMIT = rate.Limit("token", "a", 1000)


@pytest.fixture
def proxy(broker: str, new_proxy: NewProxy, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> FaultProxy:
    """A proxy in front of the broker, which everything uses."""
    started = new_proxy(broker.removeprefix("redis+socket://").partition("?")[0])
    settings.REDIS_URL = f"redis://127.0.0.1:{started.port}/0"
    monkeypatch.setattr(dispatch._Broker, "away_until", 0.0)
    monkeypatch.setattr(rate._Broker, "away_until", 0.0)
    return started


def seconds(began: float) -> float:
    return time.monotonic() - began


def test_the_limits_wait_for_a_silent_broker_once(proxy: FaultProxy) -> None:
    assert rate.excess_of([LIMIT]) is None
    assert not rate.is_broker_away()
    proxy.is_silent = True
    began = time.monotonic()
    for _ in range(50):
        assert rate.excess_of([LIMIT]) is None
    assert seconds(began) < 5
    assert rate.is_broker_away()


def test_the_limits_count_again_after_a_reset(proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    tight = rate.Limit("token", "b", 1)
    assert rate.excess_of([tight]) is None
    proxy.reset_all()
    rate.excess_of([tight])  # redis-py may connect again by itself
    monkeypatch.setattr(rate._Broker, "away_until", 0.0)
    assert rate.excess_of([tight]) is not None


def test_a_slow_broker_still_counts(proxy: FaultProxy) -> None:
    tight = rate.Limit("token", "c", 1)
    proxy.delay = 0.02
    assert rate.excess_of([tight]) is None
    assert rate.excess_of([tight]) is not None


@pytest.mark.parametrize("fault", ["silent", "reset"])
def test_the_status_says_that_the_broker_is_away(proxy: FaultProxy, fault: str) -> None:
    assert programs_area().facts["broker"] == "ok"
    proxy.is_silent, proxy.resets = fault == "silent", 1000
    began = time.monotonic()
    area = programs_area()
    assert (area.facts["broker"], area.state) == ("down", "critical")
    assert seconds(began) < 20


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("fault", ["silent", "reset"])
def test_a_message_waits_in_the_outbox(proxy: FaultProxy, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy.is_silent, proxy.resets = fault == "silent", 1000
    began = time.monotonic()
    with current_app.connection_for_write(proxy_url(proxy)) as connection:
        monkeypatch.setattr(current_app, "send_task", sender(connection))
        with transaction.atomic():
            enqueue("audit.tasks.relay_outbox")
    assert seconds(began) < 20
    message = OutboxMessage.objects.get()
    assert (message.delivered_at, message.attempts) == (None, 1)
    assert message.last_error
    proxy.is_silent, proxy.resets = False, 0
    with current_app.connection_for_write(proxy_url(proxy)) as connection:
        monkeypatch.setattr(current_app, "send_task", sender(connection))
        assert dispatch.send(message)
    message.refresh_from_db()
    assert message.delivered_at is not None
    with broker_client(proxy_url(proxy), 5.0) as client:
        assert client.llen("fast") == 1


def proxy_url(proxy: FaultProxy) -> str:
    return f"redis://127.0.0.1:{proxy.port}/0"


def sender(connection: object) -> object:
    """Return the `send_task` of the app over this connection: the app's own pool keeps the settings of its start."""
    app: Any = current_app._get_current_object()  # type: ignore[attr-defined]  # the types know the app, not its proxy
    send_task = type(app).send_task

    def send(*arguments: object, **options: object) -> object:
        return send_task(app, *arguments, connection=connection, **options)

    return send
