"""Reads for the pages of traces."""

from __future__ import annotations

from collections.abc import Iterable

from tracking.models import Run


def run_names(run_ids: Iterable[str]) -> dict[str, str]:
    """Return the names of those of the runs that there are, by id. One query."""
    return dict(Run.objects.filter(pk__in=list(run_ids)).values_list("pk", "name"))
