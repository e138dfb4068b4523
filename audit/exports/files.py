"""The files of exports, in the folder that all hosts share (CUSTODY_LOG_STATE)."""

from __future__ import annotations

import datetime
import re
from pathlib import Path
from uuid import UUID

from django.utils import timezone

from audit.exports.selection import filters_of
from audit.models import ExportJob, ExportState
from audit.transparency.state import state_folder
from core.errors import Conflict, NotFound, Unavailable

KEPT_FOR = datetime.timedelta(days=7)
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def exports_folder() -> Path:
    """Return the folder of the files."""
    return state_folder() / "exports"


def draft_of(job: ExportJob) -> Path:
    """Return the file that the present attempt is writing."""
    return exports_folder() / f"{job.pk}-{job.attempt}.part"


def finished_path(job: ExportJob) -> Path:
    """Return the path of the finished file. Each attempt has its own, so a lost worker replaces no newer file."""
    return exports_folder() / f"{job.pk}-{job.attempt}.zip"


def file_of(job: ExportJob) -> Path:
    """Return the file of a finished export.

    Raises Conflict while it is not finished, NotFound after the time for which it is kept, Unavailable where this host
    cannot read it before that.
    """
    if job.state != ExportState.DONE:
        raise Conflict(f"The export is {job.state}.{f' {job.error}' if job.error else ''}")
    path = finished_path(job)
    try:
        if path.stat().st_size == job.size:
            return path
    except OSError:
        pass
    if timezone.now() - job.created_at > KEPT_FOR:
        raise NotFound(f"The file of an export is kept for {KEPT_FOR.days} days. Ask for a new export.")
    raise Unavailable(
        f"The file of this export cannot be read in {exports_folder()} of this host. Mount the folder that the hosts "
        "share (CUSTODY_LOG_STATE), or try again."
    )


def exports_with_files() -> set[UUID]:
    """Return the ids of the exports that have a file in the folder."""
    names = [path.name.rpartition("-")[0] for path in exports_folder().glob("*-*")]
    return {UUID(name) for name in names if _ID.fullmatch(name)}


def remove_files(pk: UUID) -> None:
    """Remove the files of an export. Downloads that are reading one can finish."""
    for path in exports_folder().glob(f"{pk}-*"):
        path.unlink(missing_ok=True)


def file_name(job: ExportJob) -> str:
    """Return the name under which the file of an export is saved."""
    filters = filters_of(job.filters)
    label = ("dossier-" if job.annex else "") + filters.model or ("selection" if filters.as_dict() else "log")
    label = re.sub(r"[^A-Za-z0-9._-]+", "-", label).strip("-.")[:80] or "model"
    return f"custody-audit-{label}-{job.created_at:%Y%m%dT%H%M%SZ}.zip"
