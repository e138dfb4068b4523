"""The scheduler: sends each periodic task at its interval on the monotonic clock, so that setting the clock back stops
no task. And the guard that lets one worker at a time run a periodic task.

Celery's own schedulers compare wall times: after a clock was set back by two hours nothing is due for two hours.

While a message of a periodic task waits in its queue, no second one is sent; while a worker runs the task, others skip
it. Both are keys of the broker that expire, so a process that was killed stops nothing for long. Where the broker does
not answer, the task is sent and run: two runs at a time do more work, but nothing wrong.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from typing import Any

import redis
from celery import Task
from celery.beat import Scheduler
from celery.exceptions import Ignore
from django.conf import settings
from redis.lock import Lock

from audit.broker import broker_client

# The broker deletes the heartbeat after this time (seconds); the remaining time gives its age, by the broker's
# clock.
ALIVE_KEY = "custody-scheduler-alive"
ALIVE_SECONDS = 3600
_LONGEST_SLEEP = 5.0
_BROKER_SECONDS = 1.0
_BROKER_ERRORS = (redis.RedisError, OSError)
_WAITING_KEY = "custody-task-waiting:"
# A message that is lost counts as waiting for so many intervals, and at most for this time (seconds).
_WAITING_INTERVALS = 5
_LONGEST_WAITING = 60.0
_RUNNING_KEY = "custody-task-running:"
# A worker that is killed keeps others from running its task for this time (seconds), one that hangs for the longest.
_RUNNING_SECONDS = 6.0
_RENEW_SECONDS = 2.0
_LONGEST_RUN = 900.0


class MonotonicScheduler(Scheduler):
    """Celery beat's scheduler for intervals. Every task is sent at the start, and then at its interval."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._due: dict[str, float] = {}
        super().__init__(*args, **kwargs)

    def setup_schedule(self) -> None:
        """Read the schedule from the settings."""
        self.merge_inplace(self.app.conf.beat_schedule)

    def tick(self, *_args: Any, **_kwargs: Any) -> float:
        """Send the tasks that are due, and return the seconds until the next one is."""
        self._record_heartbeat()
        now, guarded = time.monotonic(), _sent_by_schedule()
        for name, entry in self.schedule.items():
            if self._due.get(name, now) <= now:
                self._due[name] = now + seconds_of(entry.schedule)
                if entry.task not in guarded or not self._is_waiting(str(entry.task), seconds_of(entry.schedule)):
                    self.apply_entry(entry, producer=self.producer)
        return max(0.05, min([*self._due.values(), now + _LONGEST_SLEEP]) - time.monotonic())

    def _is_waiting(self, task: str, interval: float) -> bool:
        """Return whether a message of the task waits in its queue. Where none does, one counts as waiting from now."""
        seconds = min(interval * _WAITING_INTERVALS, _LONGEST_WAITING)
        try:
            with closing(broker_client(settings.REDIS_URL, _BROKER_SECONDS)) as broker:
                return not broker.set(_WAITING_KEY + task, "1", px=round(seconds * 1000), nx=True)
        except _BROKER_ERRORS:
            return False

    def _record_heartbeat(self) -> None:
        try:
            with closing(broker_client(settings.REDIS_URL, _BROKER_SECONDS)) as broker:
                broker.set(ALIVE_KEY, "1", ex=ALIVE_SECONDS)
        except _BROKER_ERRORS:
            return  # the broker does not answer or is full; /healthz reports it


class GuardedTask(Task):  # type: ignore[type-arg]  # Celery's class is generic for type checkers only
    """A task. If only the schedule sends it, a worker skips it while another worker runs it."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the task. Raises Ignore in a worker while another one runs it."""
        if self.request.called_directly or self.request.is_eager:
            return super().__call__(*args, **kwargs)
        if self.name not in _sent_by_schedule():
            return self.run(*args, **kwargs)
        with one_run(self.name) as is_only:
            if not is_only:
                raise Ignore(f"Another worker runs {self.name}.")
            return self.run(*args, **kwargs)


def _sent_by_schedule() -> set[str]:
    """Return the tasks that only the schedule sends. A message of any other is a hand-over, which is never skipped."""
    return {str(entry["task"]) for entry in settings.CELERY_BEAT_SCHEDULE.values()} - settings.SWEEPS.keys()


@contextmanager
def one_run(task: str) -> Iterator[bool]:
    """Yield whether no other worker is known to run the task; if so, keep others from running it in the block."""
    with closing(broker_client(settings.REDIS_URL, _BROKER_SECONDS)) as broker:
        lock = broker.lock(_RUNNING_KEY + task, timeout=_RUNNING_SECONDS, blocking=False, thread_local=False)
        try:
            broker.delete(_WAITING_KEY + task)
            has_lock: bool | None = lock.acquire()
        except _BROKER_ERRORS:
            has_lock = None
        if not has_lock:
            yield has_lock is None
            return
        done = threading.Event()
        renewal = threading.Thread(target=_renew, args=(lock, done), daemon=True)
        renewal.start()
        try:
            yield True
        finally:
            done.set()
            renewal.join()
            with suppress(*_BROKER_ERRORS):  # it expires
                lock.release()


def _renew(lock: Lock, done: threading.Event) -> None:
    """Keep a lock from expiring until ``done`` is set, but not for longer than any run should take."""
    ends = time.monotonic() + _LONGEST_RUN
    while not done.wait(_RENEW_SECONDS) and time.monotonic() < ends:
        with suppress(*_BROKER_ERRORS):  # if no renewal succeeds, another worker may run the task too
            lock.extend(_RUNNING_SECONDS, replace_ttl=True)


def seconds_of(schedule: Any) -> float:
    """Return the interval of a Celery schedule in seconds."""
    every: timedelta = schedule.run_every
    return every.total_seconds()


def scheduler_age() -> float | None:
    """Return the age of the scheduler's heartbeat in seconds, None where the broker has none."""
    with closing(broker_client(settings.REDIS_URL, _BROKER_SECONDS)) as broker:
        remaining: Any = broker.ttl(ALIVE_KEY)
    return float(ALIVE_SECONDS - remaining) if remaining > 0 else None
