"""Exports that a worker makes: started by a request, made again when the worker is lost, kept as a file."""

from __future__ import annotations

import datetime
import logging
from collections.abc import Callable
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from audit.exports.files import KEPT_FOR, draft_of, exports_folder, exports_with_files, finished_path, remove_files
from audit.exports.selection import Filters, filters_of
from audit.exports.service import record_request, require_readable, write_export
from audit.exports.tables import require_parquet
from audit.models import ExportJob, ExportState
from audit.services import enqueue
from audit.subjects import may_read_whole_log
from audit.transparency.tiles import TilesUnreadable
from core.actors import Actor
from core.errors import DomainError, NotFound

logger = logging.getLogger(__name__)

BUILD = "audit.tasks.build_export"
_LOST_AFTER = datetime.timedelta(seconds=60)
_JOINED_FOR = datetime.timedelta(hours=1)
_OPEN = (ExportState.QUEUED, ExportState.RUNNING)
_MOST_ATTEMPTS = 5
_GIVEN_UP = (
    f"{_MOST_ATTEMPTS} workers began this export, and none finished it. Their logs say why. Ask for a new export."
)


class Superseded(Exception):
    """Another worker has taken over the export."""


def start_export(
    *,
    actor: Actor,
    filters: Filters,
    annex: str = "",
    queued: bool = True,
    identities: bool = True,
    parquet: bool = False,
) -> ExportJob:
    """Record that an export was asked for, queue it, and return it. Without ``queued`` the caller makes it itself.

    Without ``identities`` the export does not say who its actors are; with ``parquet`` it has a table in Parquet, too.

    Raises NotFound where the actor may not read the model, Denied where they may not read the whole log, InvalidInput
    also where this installation cannot write Parquet.
    """
    if parquet:
        require_parquet()
    with transaction.atomic():
        stream = require_readable(actor, filters)
        event = record_request(
            actor=actor, filters=filters, stream=stream, annex=annex, identities=identities, parquet=parquet
        )
        job = ExportJob.objects.create(
            event=event,
            requested_by=actor.name,
            requester_ref=actor.ref,
            filters=filters.as_dict(),
            annex=annex,
            identities=identities,
            parquet=parquet,
            seen_at=timezone.now(),
        )
        if queued:
            enqueue(BUILD, queue="slow", export=str(job.pk))
    return job


def unfetched_export(
    *, actor: Actor, filters: Filters, identities: bool = True, parquet: bool = False
) -> ExportJob | None:
    """Return the export that the actor asked for with these filters within the hour and has not fetched yet, if any.

    A caller who was told to try again gets that one.
    """
    jobs = _asked_by(actor, filters, identities=identities, parquet=parquet).exclude(state=ExportState.FAILED)
    return jobs.filter(fetched_at=None, created_at__gt=timezone.now() - _JOINED_FOR).first()


def newest_finished_export(
    *, actor: Actor, filters: Filters, identities: bool = True, parquet: bool = False
) -> ExportJob | None:
    """Return the newest finished export of the actor with these filters, if any: broken downloads continue with it."""
    jobs = _asked_by(actor, filters, identities=identities, parquet=parquet)
    return jobs.filter(state=ExportState.DONE).first()


def mark_fetched(job: ExportJob) -> None:
    """Store that somebody has begun to fetch the file."""
    ExportJob.objects.filter(pk=job.pk, fetched_at=None).update(fetched_at=timezone.now())


def export_job(actor: Actor, pk: UUID) -> ExportJob:
    """Return an export. Raises NotFound for those of others, unless the actor may read the whole log, and for the
    actor's own that holds what they may no longer read.
    """
    job = ExportJob.objects.filter(pk=pk).first()
    if job is None or not (may_read_whole_log(actor) or (job.requester_ref == actor.ref and _may_read(actor, job))):
        raise NotFound("There is no such export.")
    return job


def _may_read(actor: Actor, job: ExportJob) -> bool:
    try:
        require_readable(actor, filters_of(job.filters))
    except DomainError:
        return False
    return True


def recent_exports(actor: Actor) -> list[ExportJob]:
    """Return the last five exports of the actor whose files are kept, newest first."""
    since = timezone.now() - KEPT_FOR
    return list(ExportJob.objects.filter(requester_ref=actor.ref, created_at__gt=since).order_by("-created_at")[:5])


def build_export(pk: UUID, *, progress: Callable[[int], None] | None = None) -> bool:
    """Make the file of an export; return whether this call did. One call at a time: the others return False.

    ``progress`` is called with the number of events written so far.
    """
    job = _claim(pk)
    if job is None:
        return False
    draft = draft_of(job)

    def report(done: int) -> None:
        _report(job, done=done)
        if progress:
            progress(done)

    try:
        exports_folder().mkdir(parents=True, exist_ok=True, mode=0o700)
        remove_files(job.pk)
        with draft.open("wb") as out:
            manifest = write_export(out, job, progress=report)
        size = draft.stat().st_size
        draft.replace(finished_path(job))
        _report(job, state=ExportState.DONE, done=manifest["claim"]["events"], size=size)
    except Superseded:
        draft.unlink(missing_ok=True)
        return False
    except (DomainError, OSError, TilesUnreadable) as error:
        draft.unlink(missing_ok=True)
        return _fail(job, error)
    return True


def resume_exports() -> int:
    """Queue exports again whose worker was lost, and remove the files of old exports. Return the number queued.

    An export that was lost five times has failed: it would be lost again.
    """
    now = timezone.now()
    with transaction.atomic():
        lost = ExportJob.objects.filter(state__in=_OPEN, seen_at__lt=now - _LOST_AFTER)
        lost.filter(attempt__gte=_MOST_ATTEMPTS).update(state=ExportState.FAILED, error=_GIVEN_UP)
        for job in lost:
            enqueue(BUILD, queue="slow", export=str(job.pk))
        count = lost.update(seen_at=now, state=ExportState.QUEUED)
    old = ExportJob.objects.filter(state=ExportState.DONE, created_at__lt=now - KEPT_FOR)
    for pk in old.filter(pk__in=exports_with_files()).values_list("pk", flat=True):
        remove_files(pk)
    return count


def _asked_by(actor: Actor, filters: Filters, *, identities: bool, parquet: bool) -> QuerySet[ExportJob]:
    rows = ExportJob.objects.filter(requester_ref=actor.ref, filters=filters.as_dict(), annex="")
    return rows.filter(identities=identities, parquet=parquet).order_by("-created_at")


def _claim(pk: UUID) -> ExportJob | None:
    """Take an export for this process, as a new attempt. None where it is finished or another process makes it."""
    now = timezone.now()
    with transaction.atomic():
        job = ExportJob.objects.select_for_update().filter(pk=pk).first()
        if job is None or not _is_free(job, now):
            return None
        job.state, job.seen_at, job.done, job.attempt = ExportState.RUNNING, now, 0, job.attempt + 1
        job.save(update_fields=["state", "seen_at", "done", "attempt"])
    return job


def _is_free(job: ExportJob, now: datetime.datetime) -> bool:
    lost = job.state == ExportState.RUNNING and job.seen_at < now - _LOST_AFTER
    return job.state == ExportState.QUEUED or lost


def _fail(job: ExportJob, error: Exception) -> bool:
    """Store why an export failed; return whether it was stored: not where another worker has taken the export over."""
    try:
        _report(job, state=ExportState.FAILED, error=str(error)[:500])
    except Superseded:
        return False
    logger.error("an export failed", exc_info=error)
    return True


def _report(job: ExportJob, **values: object) -> None:
    """Store progress. Raises Superseded where another worker has taken the export over."""
    if not ExportJob.objects.filter(pk=job.pk, attempt=job.attempt).update(seen_at=timezone.now(), **values):
        raise Superseded
