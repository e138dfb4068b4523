"""Service of exports: records the request, waits for a checkpoint that covers it, and writes the package."""

from __future__ import annotations

from typing import Any, BinaryIO

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from audit.actions import Action
from audit.exports.annexes import SignedLog, annex_files
from audit.exports.package import Progress, write_package
from audit.exports.selection import Filters, Selection, filters_of
from audit.models import Event, ExportJob
from audit.queries import stream_length
from audit.services import SCHEMA, record
from audit.subjects import find_stream, require_whole_log
from audit.transparency.keys import NoLogKey, log_signers
from audit.transparency.signing import signed_checkpoint
from audit.verifier.audit_verify import IDENTITIES
from core.actors import Actor
from core.errors import InvalidInput, Unavailable
from core.refs import AUDIT_LOG, model_ref
from core.times import iso_utc

_CSV_NOTE = "Cells that a spreadsheet could take for a formula start with an apostrophe; events.jsonl is the evidence."


def require_readable(actor: Actor, filters: Filters) -> str:
    """Return the stream of the model that the filters name, "" for the whole log.

    Raises NotFound, Denied, InvalidInput.
    """
    if filters.version and not filters.model:
        raise InvalidInput("Name the model of the version.")
    if filters.model:
        return find_stream(actor, filters.model)
    require_whole_log(actor, action=Action.AUDIT_EXPORTED)
    return ""


def record_request(
    *, actor: Actor, filters: Filters, stream: str, annex: str = "", identities: bool = True, parquet: bool = False
) -> Event:
    """Record the request for an export. For a model, the event has the length of its history at this time."""
    after: dict[str, object] = {"filters": filters.as_dict()}
    if not identities:
        after["identities"] = "left out"
    if parquet:
        after["parquet"] = True
    if annex:
        after["annex"] = annex
    if stream:
        after["last_generation_before"] = stream_length(stream)
    with transaction.atomic():
        obj = model_ref(filters.model) if stream else AUDIT_LOG
        return record(actor=actor, action=Action.AUDIT_EXPORTED, obj=obj, stream=stream, after=after)


def write_export(file: BinaryIO, job: ExportJob, *, progress: Progress) -> dict[str, Any]:
    """Write the package of a requested export, and return its manifest.

    Raises Unavailable where the log is not signed, NotFound for an annex that is not there any more.
    """
    log, checkpoint = signed_checkpoint(job.event)
    try:
        signers = log_signers()
    except NoLogKey as error:
        raise Unavailable(str(error)) from error
    about = {
        "event_schema": SCHEMA,
        "generated_at": iso_utc(timezone.now(), "microseconds"),
        "requested_by": job.requested_by,
        "software": f"custody {settings.VERSION}",
        "csv_note": _CSV_NOTE,
        "identities": IDENTITIES if job.identities else "left out",
        "parquet": job.parquet,
    }
    chosen = Selection(log.number, log.origin, checkpoint.size, job.event.stream, filters_of(job.filters))
    annex = annex_files(job.annex, SignedLog(log.number, checkpoint))
    return write_package(file, chosen, checkpoint, signers, about, progress, annex)
