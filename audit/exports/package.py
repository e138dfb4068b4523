"""Writes the zip of an export in one pass over the events, in constant memory."""

from __future__ import annotations

import base64
import hashlib
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import IO, Any

from django.conf import settings

from audit.exports.identities import ActorKey, People, identities_of
from audit.exports.report import LISTED, report_page, report_row
from audit.exports.selection import Selection
from audit.exports.tables import CsvTable, ParquetTable
from audit.exports.texts import EntryWithTexts, TextAnnex
from audit.transparency.notes import Signer, sign_note
from audit.transparency.state import published
from audit.verifier import audit_verify as verifier
from audit.verifier.audit_verify import Checkpoint, parse_checkpoint, split_note
from audit.verifier.decision_events import ENROLMENTS
from audit.witnesses.service import witnessed_note
from audit.witnesses.timestamps import newest_timestamp

Progress = Callable[[int], None]

_COPY_BYTES = 1 << 16
_PROGRESS_EVERY = 500
_PROGRESS_SECONDS = 1.0
_COMPRESSION = 3  # of 1 to 9: most of the time of an export is spent here
_SHIPPED = Path(verifier.__file__).parent
_VERIFIER = (
    "README.txt",
    "audit_verify.py",
    "decision_events.py",
    "verify_approval.py",
    "verify_passkeys.py",
    "webauthn_verify.py",
)


@dataclass(slots=True)
class _Tally:
    """The counts of the pass over the events, for the manifest."""

    progress: Progress
    people: People
    texts: dict[str, int] = field(default_factory=dict)
    events: int = 0
    first_seq: int | None = None
    last_seq: int | None = None
    last_gen: int = 0
    files: dict[str, dict[str, object]] = field(default_factory=dict)
    # The ids of the events that added the passkeys of these events.
    enrolments: set[str] = field(default_factory=set)
    actors: set[ActorKey] = field(default_factory=set)
    # The rows of the first events in the report.
    listed: list[str] = field(default_factory=list)
    reported_at: float = 0.0

    def report(self) -> None:
        """Report the number of events so far, at most once a second. A large file is copied for longer than that."""
        if time.monotonic() - self.reported_at > _PROGRESS_SECONDS:
            self.reported_at = time.monotonic()
            self.progress(self.events)

    def take(self, seq: int, gen: int | None) -> None:
        """Count one event."""
        self.events += 1
        self.first_seq = seq if self.first_seq is None else self.first_seq
        self.last_seq, self.last_gen = seq, gen or 0
        if self.events % _PROGRESS_EVERY == 0:
            self.report()


class _Appended:
    """A file without `seek`, so that zipfile never goes back: it writes the sizes of a member behind it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, data: bytes) -> int:
        """Append bytes; return their number."""
        return self._file.write(data)

    def flush(self) -> None:
        """Hand all bytes to the system."""
        self._file.flush()

    def close(self) -> None:
        """Hand all bytes to the system; the caller closes the file."""
        self.flush()


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


def write_package(
    file: IO[bytes],
    chosen: Selection,
    checkpoint: Checkpoint,
    signers: list[Signer],
    about: dict[str, Any],
    progress: Progress,
    annex: Iterable[tuple[str, bytes]],
) -> dict[str, Any]:
    """Write the zip to ``file`` and return its manifest. ``progress`` is called with the number of events so far.

    ``about`` are facts for the manifest. Its `identities` is the name of the annex that says who the actors are, or
    says that the annex is left out: then no file has names for the commitments in events. Its `parquet` says whether
    there is a table in Parquet.
    Bytes are only appended, so that the file can be sent while it grows.
    """
    tally = _Tally(progress, People(reveal=about["identities"] == verifier.IDENTITIES))
    with zipfile.ZipFile(
        _Appended(file), "w", zipfile.ZIP_DEFLATED, allowZip64=True, compresslevel=_COMPRESSION
    ) as package:
        _write_events_and_tables(package, chosen, tally, parquet=about["parquet"])
        if chosen.filters.kind != verifier.WHOLE_LOG:
            _write(package, verifier.LEAVES, published(chosen.origin).leaves(chosen.size), tally)
        _write(package, verifier.CHECKPOINT, iter([checkpoint.note]), tally)
        for name, data in chain(_vouched(chosen.origin, checkpoint.size), annex):
            _write(package, name, iter([data]), tally)
        if tally.enrolments and chosen.filters.kind != verifier.WHOLE_LOG:
            _write(package, ENROLMENTS, chosen.entries_of(tally.enrolments), tally)
        for name in _VERIFIER:
            with (_SHIPPED / name).open("rb") as shipped:
                _copy(package, name, shipped, tally)
        if about["identities"] == verifier.IDENTITIES:
            _write(package, verifier.IDENTITIES, identities_of(tally.actors, tally.people), tally)
        manifest = _manifest(chosen, checkpoint, about, tally)
        _write(package, verifier.REPORT, iter([report_page(manifest, tally.listed)]), tally)
        data = verifier.manifest_bytes(manifest)
        package.writestr(verifier.MANIFEST, data)
        package.writestr(verifier.MANIFEST_NOTE, sign_note(verifier.manifest_text(chosen.origin, data), signers))
    return manifest


def _write_events_and_tables(package: zipfile.ZipFile, chosen: Selection, tally: _Tally, *, parquet: bool) -> None:
    names = [verifier.TABLE, verifier.TEXTS, *([verifier.PARQUET] if parquet else [])]
    with ExitStack() as stack:
        files = {name: stack.enter_context(_temporary_file()) for name in names}
        annex = TextAnnex(files[verifier.TEXTS])
        tables: list[CsvTable | ParquetTable] = [
            CsvTable(files[verifier.TABLE]),
            *(ParquetTable(files[name]) for name in names[2:]),
        ]
        with package.open(verifier.EVENTS, "w", force_zip64=True) as out:
            _write_events(annex.entries(chosen.entries()), _Member(verifier.EVENTS, out, tally), tables, tally)
        tally.texts = annex.counts()
        for name, file in files.items():
            file.seek(0)
            _copy(package, name, file, tally)


def _temporary_file() -> IO[bytes]:
    return tempfile.TemporaryFile(dir=settings.DATA_DIR)


def _vouched(origin: str, size: int) -> Iterator[tuple[str, bytes]]:
    """Yield the files of witnesses and of a time stamping authority: the newest of at most this size, if any."""
    note = witnessed_note(origin)
    if note and parse_checkpoint(split_note(note)[0]).size <= size:
        yield verifier.WITNESSED, note
    if stamped := newest_timestamp(origin, size):
        yield from zip(verifier.TIMESTAMP, stamped, strict=True)


def _manifest(chosen: Selection, checkpoint: Checkpoint, about: dict[str, Any], tally: _Tally) -> dict[str, Any]:
    counts: dict[str, Any] = {"events": tally.events, "first_seq": tally.first_seq, "last_seq": tally.last_seq}
    if chosen.filters.kind == verifier.MODEL:
        counts["last_gen"] = tally.last_gen
    return {
        **about,
        "format": verifier.FORMAT,
        "origin": chosen.origin,
        "size": checkpoint.size,
        "root": base64.b64encode(checkpoint.root).decode(),
        "filters": chosen.filters.as_dict(),
        "claim": chosen.claim() | counts,
        "texts": tally.texts,
        "files": tally.files,
    }


def _write_events(
    entries: Iterator[EntryWithTexts], lines: _Member, tables: Sequence[CsvTable | ParquetTable], tally: _Tally
) -> None:
    for seq, data, facts, texts in entries:
        lines.write(data + b"\n")
        names = tally.people.names_in(facts["event"])
        values = verifier.table_row(facts, verifier.leaf_hash(data), names, texts)
        for table in tables:
            table.add(values, len(data))
        tally.take(seq, facts["gen"])
        _take_facts(tally, facts, texts)
    for table in tables:
        table.finish()
    lines.finish()


def _take_facts(tally: _Tally, facts: dict[str, Any], texts: dict[verifier.Place, Any]) -> None:
    """Add the people of an entry, the passkey that signed it and its row in the report to the tally."""
    event = facts["event"]
    tally.actors.update(verifier.people_in(event))
    if passkey := event["after"].get("passkey"):
        tally.enrolments.add(passkey["enrolment_event"])
    if len(tally.listed) < LISTED:
        named = verifier.with_names(event, tally.people.names)
        tally.listed.append(report_row({**facts, "event": verifier.with_texts(named, texts)}))


def _copy(package: zipfile.ZipFile, name: str, source: IO[bytes], tally: _Tally) -> None:
    _write(package, name, iter(lambda: source.read(_COPY_BYTES), b""), tally)


def _write(package: zipfile.ZipFile, name: str, chunks: Iterator[bytes], tally: _Tally) -> None:
    with package.open(name, "w", force_zip64=True) as out:
        member = _Member(name, out, tally)
        for chunk in chunks:
            member.write(chunk)
            tally.report()
        member.finish()
