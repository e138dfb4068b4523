"""The status waits for every worker that listens at the broker, and for no longer."""

from __future__ import annotations

import time
from typing import Any

import pytest
from celery import current_app
from kombu.transport.redis import Channel
from pytest_django import Settings

from audit.broker import broker_client
from config.status.programs import answering_workers

ANSWERS = {"fast@here": [{"name": "fast"}], "slow@here": [{"name": "slow"}]}


@pytest.fixture
def asked(broker_url: str, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What workers are asked, whose answers are ANSWERS; the broker is empty."""
    with broker_client(broker_url, 5.0) as client:
        client.flushall()
    settings.REDIS_URL = broker_url
    questions: list[dict[str, Any]] = []

    class Inspect:
        def __init__(self, **options: Any) -> None:
            questions.append(options)

        def active_queues(self) -> dict[str, Any]:
            return ANSWERS

    monkeypatch.setattr(current_app.control, "inspect", Inspect)
    return questions


def listen(url: str, *workers: str) -> None:
    """Let workers listen for questions, as kombu notes it."""
    with broker_client(url, 5.0) as client:
        for worker in workers:
            client.sadd(Channel.keyprefix_queue % "celery.pidbox", f"\x06\x16\x06\x16{worker}.celery.pidbox")


def test_where_no_worker_listens_nobody_is_asked(asked: list[dict[str, Any]]) -> None:
    began = time.monotonic()
    assert answering_workers() == {}
    assert asked == []
    assert time.monotonic() - began < 0.5


def test_the_answers_of_all_that_listen_end_the_wait(asked: list[dict[str, Any]], broker_url: str) -> None:
    listen(broker_url, "fast@here", "slow@here")
    assert answering_workers() == ANSWERS
    assert [question["limit"] for question in asked] == [2]
