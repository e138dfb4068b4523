"""Celery tasks of lineage: deriving suggested edges for what changed."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from lineage.suggestions.generate import derive_changed


@shared_task(name="lineage.tasks.suggest_edges")
def suggest_edges() -> int:
    """Derive the suggestions of nodes that changed; return how many nodes were looked at."""
    return derive_changed(now=timezone.now())
