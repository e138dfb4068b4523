"""Celery tasks of tracking: deleting uploads that clients abandoned."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from tracking.services import direct_transfers as direct


@shared_task(name="tracking.tasks.clean_uploads")
def clean_uploads() -> int:
    """Delete uploads in parts that were not completed in time."""
    return direct.clean_uploads(now=timezone.now())
