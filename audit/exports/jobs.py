"""Exports that a worker makes, with progress: started by a request, resumed when a worker is lost,
fetched as a file.
"""

from __future__ import annotations

import datetime
import logging
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from audit.exports.selection import Filters
from audit.exports.service import label_of, record_request, require_readable, write_export
from audit.models import ExportJob, ExportState
from audit.services import enqueue
from audit.subjects import may_read_whole_log
from audit.transparency.state import state_folder
from core.actors import Actor
from core.errors import Conflict, DomainError, NotFound

logger = logging.getLogger(__name__)

BUILD = "audit.tasks.build_export"
_LOST_AFTER = datetime.timedelta(seconds=60)
_KEPT_FOR = datetime.timedelta(days=7)


def start_export(*, actor: Actor, filters: Filters) -> ExportJob:
    """Record that an export was asked for and queue it.

    Raises NotFound where the actor may not read the model, Denied the log.

    Raises InvalidInput.
    """
    with transaction.atomic():
        stream = require_readable(actor, filters)
        job = ExportJob.objects.create(
            event=record_request(actor=actor, filters=filters, stream=stream),
            requested_by=actor.name,
            requester_ref=actor.ref,
            filters=filters.as_dict(),
            seen_at=timezone.now(),
        )
        enqueue(BUILD, queue="slow", export=str(job.pk))
    return job


def export_job(actor: Actor, pk: UUID) -> ExportJob:
    """Return an export. Raises NotFound for those of others, unless the actor may read the whole log."""
    job = ExportJob.objects.filter(pk=pk).first()
    if job is None or not (job.requester_ref == actor.ref or may_read_whole_log(actor)):
        raise NotFound("There is no such export.")
    return job


def recent_exports(actor: Actor) -> list[ExportJob]:
    """Return the last five exports of the actor whose files are kept, newest first."""
    since = timezone.now() - _KEPT_FOR
    return list(ExportJob.objects.filter(requester_ref=actor.ref, created_at__gt=since).order_by("-created_at")[:5])


def file_name(job: ExportJob) -> str:
    """Return the name under which the file of an export is saved."""
    return f"custody-audit-{label_of(_filters(job.filters))}-{job.created_at:%Y%m%dT%H%M%SZ}.zip"


def file_of(job: ExportJob) -> Path:
    """Return the file of a finished export.

    Raises Conflict while it is not finished, NotFound where it is no longer kept.
    """
    if job.state != ExportState.DONE:
        raise Conflict(f"The export is {job.state}.{f' {job.error}' if job.error else ''}")
    path = _file(job)
    if not path.exists():
        raise NotFound("The file of this export is no longer kept. Ask for a new one.")
    return path


def build_export(pk: UUID) -> bool:
    """Make the file of an export; return whether this call did. One call at a time: the others return False."""
    now = timezone.now()
    with transaction.atomic():
        job = ExportJob.objects.select_for_update().filter(pk=pk).first()
        if job is None or not _is_free(job, now):
            return False
        job.state, job.seen_at, job.done = ExportState.RUNNING, now, 0
        job.save(update_fields=["state", "seen_at", "done"])
    draft = _file(job).with_suffix(".part")
    draft.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with draft.open("wb") as out:
            manifest = write_export(
                out,
                job.event,
                _filters(job.filters),
                job.event.stream,
                requested_by=job.requested_by,
                progress=lambda done: _report(job, done=done),
            )
        draft.replace(_file(job))
        _report(job, state=ExportState.DONE, done=manifest["claim"]["events"], size=_file(job).stat().st_size)
    except (DomainError, OSError) as error:
        logger.exception("an export failed")
        draft.unlink(missing_ok=True)
        _report(job, state=ExportState.FAILED, error=str(error)[:500])
    return True


def resume_exports() -> int:
    """Queue exports again whose worker was lost, and remove files that were kept long enough;
    return the number queued.
    """
    now = timezone.now()
    with transaction.atomic():
        lost = ExportJob.objects.filter(
            state__in=[ExportState.QUEUED, ExportState.RUNNING], seen_at__lt=now - _LOST_AFTER
        )
        for job in lost:
            enqueue(BUILD, queue="slow", export=str(job.pk))
        count = lost.update(seen_at=now, state=ExportState.QUEUED)
    for job in ExportJob.objects.filter(state=ExportState.DONE, created_at__lt=now - _KEPT_FOR):
        _file(job).unlink(missing_ok=True)
    return count


def _is_free(job: ExportJob, now: datetime.datetime) -> bool:
    lost = job.state == ExportState.RUNNING and job.seen_at < now - _LOST_AFTER
    return job.state == ExportState.QUEUED or lost


def _report(job: ExportJob, **values: object) -> None:
    ExportJob.objects.filter(pk=job.pk).update(seen_at=timezone.now(), **values)


def _file(job: ExportJob) -> Path:
    return state_folder() / "exports" / f"{job.pk}.zip"


def _filters(stored: dict[str, str]) -> Filters:
    values: dict[str, Any] = dict(stored)
    values |= {key: parse_datetime(stored[key]) for key in ("since", "until") if key in stored}
    return Filters(**values)
