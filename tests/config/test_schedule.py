"""The schedule runs on the monotonic clock: the wall clock may jump."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
import time_machine

from config import schedule
from config.celery import app
from config.schedule import MonotonicScheduler


class Clock:
    """A monotonic clock that tests move."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    names: list[str] = []

    def apply(self: MonotonicScheduler, entry: Any, producer: object = None) -> None:
        names.append(entry.name)

    monkeypatch.setattr(MonotonicScheduler, "apply_entry", apply)
    monkeypatch.setattr(MonotonicScheduler, "producer", None)
    monkeypatch.setattr(MonotonicScheduler, "_record_heartbeat", print)
    monkeypatch.setattr(MonotonicScheduler, "_is_waiting", lambda _self, _task, _interval: False)
    return names


def test_every_task_is_sent_at_the_start_and_at_its_interval(sent: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(schedule, "time", clock)
    scheduler = MonotonicScheduler(app, lazy=True)
    scheduler.setup_schedule()
    tasks = len(app.conf.beat_schedule)
    assert scheduler.tick() <= 2.0
    assert len(sent) == tasks
    scheduler.tick()
    assert len(sent) == tasks
    with time_machine.travel(datetime.datetime(2001, 1, 1, tzinfo=datetime.UTC)):  # the clock is set back
        clock.now += 2.0
        scheduler.tick()
    assert sent[tasks:] == ["relay-outbox"]
