"""The names of runs that traces belong to."""

from __future__ import annotations

from collections.abc import Iterable

from core.actors import Actor
from tracking.models import Run
from tracking.permissions.runs import readable_runs


def run_names(actor: Actor, run_ids: Iterable[str]) -> dict[str, str]:
    """Return the names of runs by id, without those that this person may not see; a fixed number of queries."""
    return {run.pk: run.name for run in readable_runs(actor, Run.objects.filter(pk__in=list(run_ids)))}
