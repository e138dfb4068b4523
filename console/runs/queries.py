"""Reads for the pages of experiments."""

from __future__ import annotations

from django.db.models import Count, Q, QuerySet

from tracking.models import Experiment, Lifecycle


def experiment_rows(text: str = "") -> QuerySet[Experiment]:
    """Return experiments that are not deleted, with their runs counted."""
    rows = Experiment.objects.filter(lifecycle_stage=Lifecycle.ACTIVE).annotate(
        run_count=Count("runs", filter=Q(runs__lifecycle_stage=Lifecycle.ACTIVE))
    )
    return (rows.filter(name__icontains=text) if text else rows).order_by("-updated_ms", "pk")
