"""Celery tasks of traces: deleting those older than the retention period."""

from __future__ import annotations

from celery import shared_task

from traces.services import deletion


@shared_task(name="traces.tasks.prune_traces")
def prune_traces() -> int:
    """Delete traces older than CUSTODY_TRACE_DAYS; return how many. It may run twice, or late."""
    return deletion.prune_traces()
