"""The last end of each periodic task, which workers store in the broker, for the status.

The broker may lose them: then a task counts as not yet run until its next end.
"""

from __future__ import annotations

import contextlib
import json
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import redis
from celery.signals import task_postrun
from celery.states import IGNORED
from django.conf import settings
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from audit.broker import broker_client
from core.times import iso_utc

_KEY = "custody-task-ends"
_SECONDS = 1.0
# How long a task that ends every few seconds keeps the time of its last end.
_PAUSE_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class TaskEnd:
    """The last end of a task: when, and its error ("" for none)."""

    at: datetime
    error: str


class _Written:
    """The times at which this process last stored the success of each task."""

    at: dict[str, datetime] = {}


def store_ends() -> None:
    """Store the ends of the periodic tasks that this worker runs."""
    task_postrun.connect(store_end, dispatch_uid="config.status.task_ends")


def store_end(task: Any = None, state: str = "", retval: object = None, **_signal: object) -> None:
    """Store that a task of the schedule ended; every 20 s at most while it succeeds.

    A run that was skipped, because another worker runs the task, is no end.
    """
    name, now = getattr(task, "name", ""), timezone.now()
    if name not in _scheduled_tasks() or state == IGNORED:
        return
    error = "" if state == "SUCCESS" else f"{type(retval).__name__}: {retval}"[:300]
    earlier = _Written.at.get(name)
    if not error and earlier and (now - earlier).total_seconds() < _PAUSE_SECONDS:
        return
    value = json.dumps({"at": iso_utc(now, "seconds"), "error": error})
    with contextlib.suppress(redis.RedisError, OSError), closing(broker_client(settings.REDIS_URL, _SECONDS)) as broker:
        broker.hset(_KEY, name, value)
        _Written.at[name] = now
    if error:
        _Written.at.pop(name, None)


def task_ends() -> dict[str, TaskEnd]:
    """Return the last end of each periodic task that has one, by its name. Raises RedisError, OSError."""
    with closing(broker_client(settings.REDIS_URL, _SECONDS)) as broker:
        stored: Any = broker.hgetall(_KEY)
    ends = {}
    for name, value in stored.items():
        content = json.loads(value)
        at = parse_datetime(content["at"])
        if at is not None:
            ends[name.decode()] = TaskEnd(at, str(content["error"]))
    return ends


def _scheduled_tasks() -> set[str]:
    return {str(entry["task"]) for entry in settings.CELERY_BEAT_SCHEDULE.values()}
