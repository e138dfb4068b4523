"""Celery tasks of webhooks. A task may run twice or late, because the rows say which deliveries are due."""

from __future__ import annotations

import uuid

from celery import shared_task

from webhooks.services import deliveries


@shared_task(name="webhooks.tasks.deliver")
def deliver(delivery_id: str) -> str:
    """Attempt one delivery if it is due and no worker has it; return the outcome as text for the log."""
    return deliveries.deliver(delivery_id=uuid.UUID(delivery_id))


@shared_task(name="webhooks.tasks.retry_deliveries")
def retry_deliveries() -> int:
    """Queue the deliveries that are due, also those of killed workers; return how many."""
    return deliveries.queue_due()


@shared_task(name="webhooks.tasks.forget_deliveries")
def forget_deliveries() -> int:
    """Delete finished deliveries older than WEBHOOK_LOG_DAYS; return how many."""
    return deliveries.delete_old()
