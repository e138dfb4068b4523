"""One run of a periodic task at a time, and one message of it in the queue; on a real broker."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator

import pytest
from celery.app.trace import trace_task
from celery.signals import task_postrun

from audit.broker import broker_client, next_turn
from config import schedule
from config.celery import app
from config.schedule import MonotonicScheduler, one_run
from config.status.task_ends import store_end, task_ends

SWEEP = "webhooks.tasks.retry_deliveries"
HAND_OVER = "notices.tasks.send_due"  # the schedule sends it, and the outbox does

Work = Callable[[str], str]


@pytest.fixture
def work(db: None) -> Iterator[Work]:
    """Return a function that runs a task as a worker does, and returns its state."""
    app.loader.import_default_modules()
    states: list[str] = []

    def keep(state: str = "", **_signal: object) -> None:
        states.append(state)

    def run(task: str) -> str:
        trace_task(app.tasks[task], uuid.uuid4().hex, (), {}, request={"is_eager": False}, app=app)
        return states[-1]

    task_postrun.connect(keep, weak=False, dispatch_uid="test_single_runs")
    yield run
    task_postrun.disconnect(dispatch_uid="test_single_runs")


def test_one_worker_at_a_time_runs_a_task(broker: str) -> None:
    with one_run("a") as first, one_run("a") as second, one_run("b") as other:
        assert (first, second, other) == (True, False, True)
    with one_run("a") as again:
        assert again


def test_a_worker_skips_what_another_one_runs(broker: str, work: Work) -> None:
    assert work(SWEEP) == "SUCCESS"
    with one_run(SWEEP), one_run(HAND_OVER):
        assert work(SWEEP) == "IGNORED"
        assert work(HAND_OVER) == "SUCCESS"
        assert app.tasks[SWEEP]() == 0  # a direct call is no message
    assert work(SWEEP) == "SUCCESS"


def test_a_skipped_run_is_no_end_of_the_task(broker: str, work: Work) -> None:
    task_postrun.connect(store_end, dispatch_uid="test_ends")
    try:
        with one_run(SWEEP):
            work(SWEEP)
        assert SWEEP not in task_ends()
        work(SWEEP)
        assert task_ends()[SWEEP].error == ""
    finally:
        task_postrun.disconnect(dispatch_uid="test_ends")


def test_a_long_run_keeps_others_out(broker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "_RUNNING_SECONDS", 1.0)
    monkeypatch.setattr(schedule, "_RENEW_SECONDS", 0.1)
    with one_run("a"):
        time.sleep(1.5)
        with one_run("a") as second:
            assert not second


def test_a_run_that_hangs_keeps_others_out_for_its_longest_time(broker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "_RUNNING_SECONDS", 0.5)
    monkeypatch.setattr(schedule, "_RENEW_SECONDS", 0.1)
    monkeypatch.setattr(schedule, "_LONGEST_RUN", 0.3)
    with one_run("a") as first:
        time.sleep(1.5)
        with one_run("a") as second:
            assert (first, second) == (True, True)
        with one_run("a") as third:
            assert third  # the first run does not release the lock of another


def test_a_killed_worker_keeps_others_out_for_seconds(broker: str) -> None:
    with broker_client(broker, 5.0) as client:
        client.set("custody-task-running:a", "the token of a killed worker", px=300)
    with one_run("a") as first:
        assert not first
    time.sleep(0.4)
    with one_run("a") as second:
        assert second


def test_no_second_message_is_sent_while_one_waits(broker: str) -> None:
    scheduler = MonotonicScheduler(app, lazy=True)
    assert [scheduler._is_waiting("a", 10.0) for _ in range(2)] == [False, True]
    with one_run("a"):
        assert not scheduler._is_waiting("a", 10.0)


def test_a_waiting_message_delays_only_its_own_task_and_no_hand_over(
    broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    monkeypatch.setattr(MonotonicScheduler, "apply_entry", lambda _self, entry, **_options: sent.append(entry.task))
    monkeypatch.setattr(MonotonicScheduler, "producer", None)
    for _ in range(2):
        scheduler = MonotonicScheduler(app, lazy=True)  # a new one sends every task at its start
        scheduler.setup_schedule()
        scheduler.tick()
    assert sent.count(SWEEP) == 1
    assert sent.count(HAND_OVER) == 2
    with one_run(SWEEP):
        sent.clear()
    scheduler = MonotonicScheduler(app, lazy=True)
    scheduler.setup_schedule()
    scheduler.tick()
    assert set(sent) == {SWEEP, HAND_OVER}


def test_a_lost_message_counts_as_waiting_for_five_intervals(broker: str) -> None:
    scheduler = MonotonicScheduler(app, lazy=True)
    assert [scheduler._is_waiting("a", 0.1) for _ in range(2)] == [False, True]
    time.sleep(0.6)
    assert not scheduler._is_waiting("a", 0.1)


def test_without_a_broker_tasks_are_sent_and_run(no_broker: None, work: Work) -> None:
    assert not MonotonicScheduler(app, lazy=True)._is_waiting("a", 10.0)
    with one_run(SWEEP):
        assert work(SWEEP) == "SUCCESS"


def test_turns_are_counted_over_all_hosts(broker: str) -> None:
    assert [next_turn("a", 10), next_turn("a", 10), next_turn("b", 10)] == [1, 2, 1]


def test_without_a_broker_the_clock_gives_the_turn(no_broker: None) -> None:
    assert next_turn("a", 10) == int(time.monotonic() // 10)
