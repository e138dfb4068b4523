"""Celery's side of notices. Every task may run twice, or late: the rows decide what there is to do."""

from __future__ import annotations

from celery import shared_task

from notices.services import sending


@shared_task(name="notices.tasks.send_due")
def send_due() -> int:
    """Send the e-mails and chat messages that are due; return how many went out."""
    return sending.send_due()


@shared_task(name="notices.tasks.forget_notices")
def forget_notices() -> int:
    """Delete what is older than notices are kept; return how many."""
    return sending.forget_old()
