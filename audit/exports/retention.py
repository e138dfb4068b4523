"""Deletes messages that were sent and exports that ended, after the times of the settings. Events are never deleted."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from audit.exports.files import remove_files
from audit.models import ExportJob, ExportState, OutboxMessage
from core.sweeps import kept_since

# The rows of one transaction: on SQLite other writers wait meanwhile.
_BATCH = 2000
_MOST_BATCHES = 100


def forget_messages(*, now: datetime | None = None) -> int:
    """Delete messages of the outbox that were sent more than CUSTODY_OUTBOX_DAYS days ago; return how many."""
    before = kept_since(settings.OUTBOX_DAYS, now=now)
    return _delete(OutboxMessage.objects.filter(delivered_at__lt=before).order_by("id")) if before else 0


def forget_exports(*, now: datetime | None = None) -> int:
    """Delete exports that ended, with their files, more than CUSTODY_EXPORT_DAYS days after they were asked for.

    Return how many. The event that records the request stays.
    """
    before = kept_since(settings.EXPORT_DAYS, now=now)
    if before is None:
        return 0
    ended = ExportJob.objects.filter(state__in=[ExportState.DONE, ExportState.FAILED], created_at__lt=before)
    for pk in ended.values_list("pk", flat=True):
        remove_files(pk)
    return _delete(ended.order_by("created_at"))


def _delete(rows: QuerySet[Any]) -> int:
    """Delete rows in batches, at most two hundred thousand; the next call deletes more. Return how many."""
    deleted = 0
    for _ in range(_MOST_BATCHES):
        batch = list(rows.values_list("pk", flat=True)[:_BATCH])
        deleted += rows.model.objects.filter(pk__in=batch).delete()[0]
        if len(batch) < _BATCH:
            break
    return deleted
