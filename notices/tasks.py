"""Celery tasks of notices. A task may run twice or late, because the rows say which messages are due."""

from __future__ import annotations

from celery import shared_task

from notices.services import sending


@shared_task(name="notices.tasks.send_due")
def send_due() -> int:
    """Send the e-mails and chat messages that are due; return how many were sent."""
    return sending.send_due()


@shared_task(name="notices.tasks.forget_notices")
def forget_notices() -> int:
    """Delete notices that are older than CUSTODY_NOTICE_DAYS days; return how many rows were deleted."""
    return sending.delete_old()
