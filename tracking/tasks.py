"""Celery tasks of tracking: deleting uploads that clients abandoned, and the contents of runs deleted long ago."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from tracking.services import direct_transfers as direct
from tracking.services import purging


@shared_task(name="tracking.tasks.clean_uploads")
def clean_uploads() -> int:
    """Delete uploads in parts that were not completed in time."""
    return direct.clean_uploads(now=timezone.now())


@shared_task(name="tracking.tasks.purge_deleted_runs")
def purge_deleted_runs() -> int:
    """Delete the contents of runs that were deleted CUSTODY_DELETED_RUN_DAYS days ago; return how many."""
    return purging.purge_deleted_runs()
