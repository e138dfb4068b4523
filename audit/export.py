"""Exports of the audit log: a zip of events as exact bytes and as a table, a manifest, and the verifier.

An export is written to an unnamed file in one pass over the log, so memory stays constant whatever the size of the log, and
nothing is sent before the file is complete. The export itself is recorded first: its event is the last one in the file.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import re
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, BinaryIO

import orjson
from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from audit.actions import Action
from audit.models import Event
from audit.services import SCHEMA, record
from audit.subjects import find_stream, require_whole_log
from audit.verifier import audit_verify as verifier
from core.actors import Actor
from core.refs import model_ref
from core.times import iso_utc

WHOLE_LOG = "audit:log"
_ROWS_AT_ONCE = 500
_COPY_BYTES = 1 << 16
_SHIPPED = Path(verifier.__file__).parent
_CSV_NOTE = "Cells that a spreadsheet could take for a formula start with an apostrophe; events.jsonl is the evidence."


@dataclass(frozen=True, slots=True)
class Package:
    """A finished export: a file open at its start, which closing deletes, its name, its size in bytes, and its manifest."""

    file: BinaryIO
    filename: str
    size: int
    manifest: dict[str, Any]


@dataclass(slots=True)
class _Tally:
    """The counts of the pass over the events, for the manifest."""

    events: int = 0
    first_gen: int | None = None
    last_gen: int | None = None
    head: str = ""
    files: dict[str, dict[str, object]] = field(default_factory=dict)

    def take(self, gen: int | None, leaf: str) -> None:
        """Count one event."""
        self.events += 1
        self.first_gen = gen if self.events == 1 else self.first_gen
        self.last_gen, self.head = gen, leaf


class _Member:
    """One file of the zip, hashed as it is written."""

    def __init__(self, name: str, out: IO[bytes], tally: _Tally) -> None:
        self._name, self._out, self._tally = name, out, tally
        self._digest, self._size = hashlib.sha256(), 0

    def write(self, data: bytes) -> None:
        """Write bytes and add them to the hash."""
        self._out.write(data)
        self._digest.update(data)
        self._size += len(data)

    def finish(self) -> None:
        """Store hash and length for the manifest."""
        self._tally.files[self._name] = {"sha256": self._digest.hexdigest(), "bytes": self._size}


def export_model(*, actor: Actor, name: str) -> Package:
    """Return an export of all events of one registered model, provably complete. NotFound where the actor may not read it."""
    stream = find_stream(actor, name)
    return _export(actor, obj=model_ref(name), stream=stream, filters={"model": name}, label=name)


def export_log(*, actor: Actor) -> Package:
    """Return an export of the whole log. Denied for all but auditors and superusers."""
    require_whole_log(actor, action=Action.AUDIT_EXPORTED)
    return _export(actor, obj=WHOLE_LOG, stream="", filters={}, label="log")


def _export(actor: Actor, *, obj: str, stream: str, filters: dict[str, str], label: str) -> Package:
    with transaction.atomic():
        asked = record(actor=actor, action=Action.AUDIT_EXPORTED, obj=obj, stream=stream, after={"filters": filters})
    chosen = Event.objects.filter(pk__lte=asked.pk).order_by("pk")
    if stream:
        chosen = Event.objects.filter(stream=stream, gen__lte=asked.gen).order_by("gen")
    now = timezone.now()
    about = {
        "format": verifier.FORMAT,
        "event_schema": SCHEMA,
        "generated_at": iso_utc(now, "microseconds"),
        "requested_by": actor.name,
        "software": f"custody {settings.VERSION}",
        "filters": filters,
        "stream": stream,
        "completeness": "proven" if stream else "asserted",
        "csv_note": _CSV_NOTE,
    }
    file = tempfile.TemporaryFile(dir=settings.DATA_DIR)  # noqa: SIM115 - the caller sends and closes it
    try:
        manifest = _write_zip(file, chosen, about)
    except BaseException:
        file.close()
        raise
    size = file.tell()
    file.seek(0)
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", label).strip("-.")[:80] or "model"
    return Package(file, f"custody-audit-{safe}-{now:%Y%m%dT%H%M%SZ}.zip", size, manifest)


def _write_zip(file: IO[bytes], chosen: QuerySet[Event], about: dict[str, Any]) -> dict[str, Any]:
    tally = _Tally()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as package:
        with tempfile.TemporaryFile(dir=settings.DATA_DIR) as table:
            with package.open(verifier.EVENTS, "w", force_zip64=True) as out:
                _write_events(chosen, _Member(verifier.EVENTS, out, tally), table, tally)
            table.seek(0)
            _write_member(package, verifier.TABLE, table, tally)
        for name in ("README.txt", "audit_verify.py"):
            with (_SHIPPED / name).open("rb") as shipped:
                _write_member(package, name, shipped, tally)
        manifest = {
            **about,
            "events": tally.events,
            **(
                {"first_gen": tally.first_gen, "last_gen": tally.last_gen, "head": tally.head}
                if about["stream"]
                else {}
            ),
            "files": tally.files,
        }
        data = verifier.manifest_bytes(manifest)
        package.writestr(verifier.MANIFEST, data)
        package.writestr(verifier.MANIFEST_SUM, f"{hashlib.sha256(data).hexdigest()}  {verifier.MANIFEST}\n")
    return manifest


def _write_events(chosen: QuerySet[Event], lines: _Member, table: IO[bytes], tally: _Tally) -> None:
    """Write each event to both files. The pass is one statement, so it reads the log as it was at one moment."""
    text = io.TextIOWrapper(table, encoding="utf-8", newline="", write_through=True)
    rows = csv.writer(text, quoting=csv.QUOTE_ALL)
    rows.writerow(verifier.CSV_COLUMNS)
    with _snapshot():
        for body, leaf, gen in chosen.values_list("body", "leaf_hash", "gen").iterator(chunk_size=_ROWS_AT_ONCE):
            line = bytes(body)
            lines.write(line + b"\n")
            rows.writerow(verifier.csv_row(orjson.loads(line), leaf))
            tally.take(gen, leaf)
    text.detach()
    lines.finish()


@contextlib.contextmanager
def _snapshot() -> Iterator[None]:
    """Hold a transaction on PostgreSQL, whose cursors need one. On SQLite it would lock out all writers."""
    with transaction.atomic() if connection.vendor == "postgresql" else contextlib.nullcontext():
        yield


def _write_member(package: zipfile.ZipFile, name: str, source: IO[bytes], tally: _Tally) -> None:
    with package.open(name, "w", force_zip64=True) as out:
        member = _Member(name, out, tally)
        while chunk := source.read(_COPY_BYTES):
            member.write(chunk)
        member.finish()
