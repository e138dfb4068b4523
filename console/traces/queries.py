"""The names of runs that traces belong to."""

from __future__ import annotations

from collections.abc import Iterable

from tracking.models import Run


def run_names(run_ids: Iterable[str]) -> dict[str, str]:
    """Return the names of runs by id, without those that do not exist; one query."""
    return dict(Run.objects.filter(pk__in=list(run_ids)).values_list("pk", "name"))
