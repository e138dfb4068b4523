"""The scheduler: sends each periodic task at its interval on the monotonic clock, so that setting the clock back stops
no task.

Celery's own schedulers compare wall times: after a clock was set back by two hours nothing is due for two hours.
"""

from __future__ import annotations

import time
from contextlib import closing
from datetime import timedelta
from typing import Any

import redis
from celery.beat import Scheduler
from django.conf import settings

from audit.broker import broker_client

# The broker deletes the heartbeat after this time (seconds); the remaining time gives its age, by the broker's
# clock.
ALIVE_KEY = "custody-scheduler-alive"
ALIVE_SECONDS = 3600
_LONGEST_SLEEP = 5.0


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
        now = time.monotonic()
        for name, entry in self.schedule.items():
            if self._due.get(name, now) <= now:
                self._due[name] = now + seconds_of(entry.schedule)
                self.apply_entry(entry, producer=self.producer)
        return max(0.05, min([*self._due.values(), now + _LONGEST_SLEEP]) - time.monotonic())

    def _record_heartbeat(self) -> None:
        try:
            with closing(broker_client(settings.REDIS_URL, 1.0)) as broker:
                broker.set(ALIVE_KEY, "1", ex=ALIVE_SECONDS)
        except (redis.RedisError, OSError):
            return  # the broker does not answer or is full; /healthz reports it


def seconds_of(schedule: Any) -> float:
    """Return the interval of a Celery schedule in seconds."""
    every: timedelta = schedule.run_every
    return every.total_seconds()


def scheduler_age() -> float | None:
    """Return the age of the scheduler's heartbeat in seconds, None where the broker has none."""
    with closing(broker_client(settings.REDIS_URL, 1.0)) as broker:
        remaining: Any = broker.ttl(ALIVE_KEY)
    return float(ALIVE_SECONDS - remaining) if remaining > 0 else None
