"""Service of exports: records the request, waits for a checkpoint that covers it, and writes the package."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from typing import Any, BinaryIO

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from audit.actions import Action
from audit.exports.package import write_package
from audit.exports.selection import Filters, Selection
from audit.models import Event
from audit.queries import stream_length
from audit.services import SCHEMA, record
from audit.subjects import find_stream, require_whole_log
from audit.transparency.keys import NoLogKey, log_signers
from audit.transparency.signing import signed_checkpoint
from core.actors import Actor
from core.errors import InvalidInput, Unavailable
from core.refs import model_ref
from core.times import iso_utc

WHOLE_LOG = "audit:log"
_CSV_NOTE = "Cells that a spreadsheet could take for a formula start with an apostrophe; events.jsonl is the evidence."


@dataclass(frozen=True, slots=True)
class Package:
    """A finished export: a file open at its start, which closing deletes, its name, its size in bytes, and its
    manifest.
    """

    file: BinaryIO
    filename: str
    size: int
    manifest: dict[str, Any]


def export(*, actor: Actor, filters: Filters) -> Package:
    """Return an export.

    Raises NotFound where the actor may not read the model, Denied where they may not read the whole log. Raises
    Unavailable, InvalidInput.
    """
    stream = require_readable(actor, filters)
    request_event = record_request(actor=actor, filters=filters, stream=stream)
    now = timezone.now()
    file = tempfile.TemporaryFile(dir=settings.DATA_DIR)  # noqa: SIM115 - the caller sends and closes it
    try:
        manifest = write_export(file, request_event, filters, stream, requested_by=actor.name)
    except BaseException:
        file.close()
        raise
    size = file.tell()
    file.seek(0)
    return Package(file, f"custody-audit-{label_of(filters)}-{now:%Y%m%dT%H%M%SZ}.zip", size, manifest)


def require_readable(actor: Actor, filters: Filters) -> str:
    """Return the stream of the model that is named, "" for the whole log. Raises NotFound, Denied, InvalidInput."""
    if filters.version and not filters.model:
        raise InvalidInput("Name the model of the version.")
    if filters.model:
        return find_stream(actor, filters.model)
    require_whole_log(actor, action=Action.AUDIT_EXPORTED)
    return ""


def record_request(*, actor: Actor, filters: Filters, stream: str) -> Event:
    """Record the request for an export. For a model, the event has the length of its history at this time."""
    after: dict[str, object] = {"filters": filters.as_dict()}
    if stream:
        after["last_generation_before"] = stream_length(stream)
    with transaction.atomic():
        obj = model_ref(filters.model) if stream else WHOLE_LOG
        return record(actor=actor, action=Action.AUDIT_EXPORTED, obj=obj, stream=stream, after=after)


def write_export(
    file: BinaryIO,
    request_event: Event,
    filters: Filters,
    stream: str,
    *,
    requested_by: str,
    progress: Any = lambda _done: None,
) -> dict[str, Any]:
    """Write the package of a requested export, and return its manifest.

    Raises Unavailable where the log is not signed.
    """
    log, checkpoint = signed_checkpoint(request_event)
    try:
        signers = log_signers()
    except NoLogKey as error:
        raise Unavailable(str(error)) from error
    about = {
        "event_schema": SCHEMA,
        "generated_at": iso_utc(timezone.now(), "microseconds"),
        "requested_by": requested_by,
        "software": f"custody {settings.VERSION}",
        "csv_note": _CSV_NOTE,
    }
    chosen = Selection(log.number, log.origin, checkpoint.size, stream, filters)
    return write_package(file, chosen, checkpoint, signers, about, progress)


def label_of(filters: Filters) -> str:
    """Return the part of the file name for the selection."""
    label = filters.model or ("selection" if filters.as_dict() else "log")
    return re.sub(r"[^A-Za-z0-9._-]+", "-", label).strip("-.")[:80] or "model"
