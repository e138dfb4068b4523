"""Deletes the contents of runs that were deleted long ago: metrics, params, tags, inputs and files.

The row of the run stays, with the names of those who wrote to it: the lineage and the audit log name it. A run from
which a version was registered keeps everything, and so does one that was deleted with its experiment.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from audit.actions import Action
from audit.queries import last_events_at
from audit.services import record
from core.actors import system_actor
from core.errors import InvalidInput
from core.refs import run_ref
from core.sweeps import kept_since
from tracking.artifacts import forget_folders
from tracking.models import LatestMetric, Lifecycle, LoggedModel, Metric, Param, Run, RunInput, RunTag
from tracking.paths import key_of_uri

# The runs of one transaction; their ids must fit one event.
_BATCH = 100
_PARTS = (Metric, LatestMetric, Param, RunTag, RunInput)


def purge_deleted_runs(*, now: datetime | None = None) -> int:
    """Delete the contents of runs that were deleted more than CUSTODY_DELETED_RUN_DAYS days ago; return how many.

    The time of the deletion is that of the newest event about the run. Each batch is a transaction and an event.
    """
    before = kept_since(settings.DELETED_RUN_DAYS, now=now)
    if before is None:
        return 0
    return sum(_purge(batch, before) for batch in _old_batches(before))


def is_purged(run: Run) -> bool:
    """Return whether the contents of a deleted run were deleted: every other run has a tag with its name."""
    return run.lifecycle_stage == Lifecycle.DELETED and not RunTag.objects.filter(run=run).exists()


def _purgeable() -> QuerySet[Run]:
    registered = LoggedModel.objects.filter(source_run=OuterRef("pk"), is_registered=True)
    rows = Run.objects.filter(lifecycle_stage=Lifecycle.DELETED, deleted_with_experiment=False, is_registered=False)
    return rows.filter(Exists(RunTag.objects.filter(run=OuterRef("pk"))), ~Exists(registered))


def _old_batches(before: datetime) -> Iterator[list[str]]:
    after = ""
    while page := list(_purgeable().filter(pk__gt=after).order_by("pk").values_list("pk", flat=True)[:_BATCH]):
        yield _unchanged_since(page, before)
        after = page[-1]


def _unchanged_since(run_ids: list[str], before: datetime) -> list[str]:
    """Return those of these runs whose newest event is older than ``before``."""
    changed_at = last_events_at([run_ref(pk) for pk in run_ids])
    return [pk for pk in run_ids if run_ref(pk) in changed_at and changed_at[run_ref(pk)] < before]


@transaction.atomic
def _purge(run_ids: list[str], before: datetime) -> int:
    """Delete the contents of those of the runs that are still deleted, and record it. Return how many.

    A run may have been restored and deleted again since it was listed, so its time is compared again under the lock.
    """
    locked = {run.pk: run for run in _purgeable().filter(pk__in=run_ids).select_for_update(of=("self",)).order_by("pk")}
    runs = [locked[pk] for pk in _unchanged_since(list(locked), before)]
    if not runs:
        return 0
    ids = [run.pk for run in runs]
    for part in _PARTS:
        part.objects.filter(run_id__in=ids).delete()
    files = forget_folders(folder for run in runs if (folder := _folder_of(run)))
    record(
        actor=system_actor("purge_deleted_runs"),
        action=Action.TRACKING_RUNS_PURGED,
        obj="runs",
        before={"runs": ids},
        after={"purged": len(ids), "files": files},
    )
    return len(ids)


def _folder_of(run: Run) -> str:
    """Return the folder of a run's files in this server's store, "" where they are elsewhere."""
    try:
        return key_of_uri(run.artifact_uri)
    except InvalidInput:
        return ""
