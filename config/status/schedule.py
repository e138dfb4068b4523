"""Status of the periodic tasks, those of retention among them: when each ended last, and its error."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import redis
from django.conf import settings
from django.utils import timezone

from config.status.areas import Area, Problem, warning
from config.status.task_ends import TaskEnd, task_ends
from core.times import iso_utc

# Tasks that delete rows because of their age.
RETENTION_TASKS = frozenset(
    {
        "accounts.tasks.forget_sessions",
        "audit.tasks.forget_exports",
        "audit.tasks.forget_messages",
        "notices.tasks.forget_notices",
        "tracking.tasks.clean_uploads",
        "tracking.tasks.purge_deleted_runs",
        "traces.tasks.prune_traces",
        "webhooks.tasks.forget_deliveries",
    }
)
# A task is late after three intervals and this time.
_SPARE_SECONDS = 120.0


def schedule_area() -> Area:
    """Return the status of the periodic tasks. Where the broker does not answer, no end is known."""
    try:
        ends = task_ends()
    except (redis.RedisError, OSError):
        return Area("schedule", {"legal_hold": settings.LEGAL_HOLD, "last_retention_at": None, "tasks": []})
    now = timezone.now()
    tasks: list[dict[str, Any]] = []
    problems: list[Problem] = []
    entries: list[dict[str, Any]] = list(settings.CELERY_BEAT_SCHEDULE.values())
    for entry in entries:
        name, interval = str(entry["task"]), float(entry["schedule"])
        end = ends.get(name)
        tasks.append(_task_facts(name, interval, end))
        problems += _problems(name, interval, end, now)
    retention = [ends[name].at for name in RETENTION_TASKS if name in ends]
    facts = {
        "legal_hold": settings.LEGAL_HOLD,
        "last_retention_at": iso_utc(max(retention), "seconds") if retention else None,
        "tasks": tasks,
    }
    return Area("schedule", facts, tuple(problems))


def _task_facts(name: str, interval: float, end: TaskEnd | None) -> dict[str, Any]:
    return {
        "task": name,
        "interval_seconds": interval,
        "is_retention": name in RETENTION_TASKS,
        "ended_at": iso_utc(end.at, "seconds") if end else None,
        "error": end.error if end else "",
    }


def _problems(name: str, interval: float, end: TaskEnd | None, now: datetime) -> Iterator[Problem]:
    if end is None:
        return  # the broker was emptied, or the installation has just started
    if end.error:
        yield warning(f"The periodic task {name} failed: {end.error}", "Look at the log of the workers.")
    elif (now - end.at).total_seconds() > 3 * interval + _SPARE_SECONDS:
        yield warning(
            f"The periodic task {name} runs every {interval:.0f} s and ended last at {iso_utc(end.at, 'seconds')}.",
            "See whether the scheduler and the workers of the queue fast run.",
        )
