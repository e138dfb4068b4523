"""Celery task of the status."""

from __future__ import annotations

from celery import shared_task

from config.status import storage


@shared_task(name="config.status.tasks.measure_storage", ignore_result=True)
def measure_storage() -> None:
    """Measure tables and folders for the status. Raises RedisError, OSError, DatabaseError."""
    storage.measure_storage()
