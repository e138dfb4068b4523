"""Tasks: send outbox messages that were not sent at commit, call failed consumers again, and make exports."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from celery import shared_task
from django.db import connection, transaction
from django.utils import timezone

from audit.consumers import retry_missed
from audit.dispatch import send
from audit.exports import jobs, retention
from audit.models import OutboxMessage

_BATCH = 200
# Younger messages are still being sent by the process that wrote them.
_GRACE = timedelta(seconds=2)


@shared_task(name="audit.tasks.relay_outbox")
def relay_outbox() -> int:
    """Send the waiting messages of the outbox, oldest first; return their number.

    Two relays never take the same row.
    """
    sent = 0
    with transaction.atomic():
        waiting = OutboxMessage.objects.filter(delivered_at__isnull=True, created_at__lt=timezone.now() - _GRACE)
        if connection.features.has_select_for_update_skip_locked:
            waiting = waiting.select_for_update(skip_locked=True)
        for message in waiting.order_by("id")[:_BATCH]:
            if not send(message):
                break
            sent += 1
    return sent


@shared_task(name="audit.tasks.retry_missed_events")
def retry_missed_events() -> int:
    """Call the consumers again that failed on an event; return the number that succeeded."""
    return retry_missed()


@shared_task(name="audit.tasks.build_export")
def build_export(export: str) -> bool:
    """Make the file of an export; return whether this call did."""
    return jobs.build_export(UUID(export))


@shared_task(name="audit.tasks.resume_exports")
def resume_exports() -> int:
    """Queue exports again whose worker was lost, and remove old files; return the number queued."""
    return jobs.resume_exports()


@shared_task(name="audit.tasks.forget_messages")
def forget_messages() -> int:
    """Delete messages of the outbox that were sent CUSTODY_OUTBOX_DAYS days ago; return how many."""
    return retention.forget_messages()


@shared_task(name="audit.tasks.forget_exports")
def forget_exports() -> int:
    """Delete exports that were asked for CUSTODY_EXPORT_DAYS days ago; return how many."""
    return retention.forget_exports()
