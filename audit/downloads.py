"""Answers with the file of an export: the whole file, a range of it, or the growing file that a worker still writes."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import TypedDict

from django.http import FileResponse, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.http import content_disposition_header

from audit.exports.files import draft_of, file_name, file_of, finished_path
from audit.exports.following import follow
from audit.exports.jobs import mark_fetched, newest_finished_export, start_export, unfetched_export
from audit.exports.selection import Filters
from audit.exports.service import require_readable
from audit.models import ExportJob, ExportState
from core.actors import Actor
from core.byte_ranges import Span, Unsatisfiable, Window, span_of
from core.errors import Unavailable

ZIP = "application/zip"
_START_SECONDS = 5.0
_PAUSE_SECONDS = 0.05
# How many downloads of unfinished exports a process serves at the same time: each keeps a thread until its worker ends.
_growing = threading.BoundedSemaphore(8)


class _ExportOptions(TypedDict):
    actor: Actor
    filters: Filters
    identities: bool
    parquet: bool


def stored_file(job: ExportJob, *, byte_range: str = "", if_range: str = "") -> HttpResponseBase:
    """Answer with the file of a finished export, or with the range that is asked for.

    ``byte_range`` and ``if_range`` are the fields Range and If-Range of the request.

    Raises Conflict, NotFound, Unavailable.
    """
    path, etag = file_of(job), f'"{job.pk}-{job.attempt}"'
    try:
        span = span_of(byte_range, if_range, size=job.size, etag=etag)
    except Unsatisfiable:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{job.size}"})
    try:
        file = path.open("rb")
    except OSError as error:
        raise Unavailable(f"The file of this export cannot be read: {error.strerror}. Try again.") from error
    mark_fetched(job)
    part = span or Span(0, job.size)
    answer = FileResponse(Window(file, part), as_attachment=True, filename=file_name(job), content_type=ZIP)
    if span:
        answer.status_code = 206
        answer["Content-Range"] = f"bytes {span.start}-{span.stop - 1}/{job.size}"
    answer["Content-Length"] = str(part.length)
    answer["Accept-Ranges"] = "bytes"
    answer["ETag"] = etag
    return answer


def export_download(
    *,
    actor: Actor,
    filters: Filters,
    identities: bool = True,
    parquet: bool = False,
    byte_range: str = "",
    if_range: str = "",
) -> HttpResponseBase:
    """Start an export and answer with its file as soon as a worker begins to write it.

    With the field Range a broken download continues with the newest export that has these filters. A caller who was
    told to try again gets the export that was started then.

    Raises NotFound, Denied, InvalidInput, Unavailable where no worker begins in time.
    """
    require_readable(actor, filters)
    options: _ExportOptions = {"actor": actor, "filters": filters, "identities": identities, "parquet": parquet}
    if byte_range and (finished := newest_finished_export(**options)):
        return stored_file(finished, byte_range=byte_range, if_range=if_range)
    job = _await_begin(unfetched_export(**options) or start_export(**options))
    if job.state == ExportState.DONE:
        return stored_file(job)
    if job.state == ExportState.FAILED:
        raise Unavailable(f"The export failed. {job.error}")
    return _growing_file(job)


def _await_begin(job: ExportJob) -> ExportJob:
    """Wait until a worker has begun, and return the export. Raises Unavailable where none begins in time."""
    deadline = time.monotonic() + _START_SECONDS
    while job.state == ExportState.QUEUED or (job.state == ExportState.RUNNING and not _is_written(job)):
        if time.monotonic() > deadline:
            raise Unavailable("The export waits for a worker. Try again: it goes on meanwhile.")
        time.sleep(_PAUSE_SECONDS)
        job.refresh_from_db()
    return job


def _is_written(job: ExportJob) -> bool:
    return draft_of(job).exists() or finished_path(job).exists()


def _growing_file(job: ExportJob) -> HttpResponseBase:
    if not _growing.acquire(blocking=False):
        raise Unavailable(
            "This process serves as many unfinished exports as it can. Try again: yours goes on meanwhile."
        )
    try:
        file = draft_of(job).open("rb")
    except OSError as error:
        _growing.release()
        raise Unavailable("The export has just ended. Try again.") from error
    mark_fetched(job)
    answer = StreamingHttpResponse(_released(follow(file, finished_path(job))), content_type=ZIP)
    answer["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=file_name(job)) or ""
    return answer


def _released(pieces: Iterator[bytes]) -> Iterator[bytes]:
    try:
        yield from pieces
    finally:
        _growing.release()
