#!/usr/bin/env python3
"""Verify an audit export of Custody, offline, with nothing but Python 3.9 or later.

    python3 audit_verify.py EXPORT.zip [--expect-head HASH] [--json]

EXPORT is the zip file, or a directory it was unpacked into. Exit status: 0 everything agrees, 1 something was changed,
2 the input is no export that can be read. README.txt says what this proves and what it does not.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import json
import sys
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

FORMAT = "custody-audit-export/1"
MANIFEST, MANIFEST_SUM = "manifest.json", "manifest.sha256"
EVENTS, TABLE = "events.jsonl", "events.csv"
CSV_COLUMNS = [
    "stream",
    "gen",
    "at",
    "outcome",
    "action",
    "object",
    "actor",
    "actor_ref",
    "actor_kind",
    "auth",
    "on_behalf_of",
    "reason",
    "before",
    "after",
    "request_id",
    "app_version",
    "event_id",
    "prev",
    "leaf_hash",
]

_LONGEST_LINE = 1 << 20
_LARGEST_INT = 2**53 - 1
_FORMULA = "=+-@\t\r\n＝＋－＠"  # noqa: RUF001 - the full-width forms are meant
_TEXT_KEYS = ("event_id", "at", "action", "outcome", "request_id", "object", "stream", "prev", "app_version")
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError, ValueError)


class Unusable(Exception):
    """The input cannot be read as an export at all."""


# --- how events are written: the exporter uses these too ---------------------------------------------------------------


def leaf_hash(line: bytes) -> str:
    """Return the RFC 6962 leaf hash of an event's exact bytes: SHA-256 over a zero byte and the bytes, in hex."""
    return hashlib.sha256(b"\x00" + line).hexdigest()


def canonical(value: Any) -> bytes:
    """Return the canonical JSON bytes: sorted keys, no spaces, UTF-8 (RFC 8785 for values without floats)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8")


def manifest_bytes(manifest: dict[str, Any]) -> bytes:
    """Return the one accepted form of a manifest."""
    return (json.dumps(manifest, sort_keys=True, indent=2, ensure_ascii=False) + "\n").encode("utf-8")


def csv_row(event: dict[str, Any], leaf: str) -> list[str]:
    """Return the row of events.csv for an event, in the order of CSV_COLUMNS."""
    actor = event["actor"]
    known = {
        **event,
        "actor": actor["name"],
        "actor_ref": actor["ref"],
        "actor_kind": actor["kind"],
        "auth": actor["auth"],
        "on_behalf_of": actor.get("on_behalf_of", ""),
        "leaf_hash": leaf,
    }
    return [_cell(known[column]) for column in CSV_COLUMNS]


def _cell(value: Any) -> str:
    """Return a cell that no spreadsheet takes for a formula: one that would be starts with an apostrophe."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else canonical(value).decode("utf-8")
    text = text.replace("\x00", "\N{REPLACEMENT CHARACTER}")
    risky = text.startswith(tuple(_FORMULA)) or text.lstrip().startswith(tuple(_FORMULA))
    return "'" + text if risky else text


# --- reading ---------------------------------------------------------------------------------------------------------


class Package:
    """The files of an export, in a zip file or a directory."""

    def __init__(self, path: Path) -> None:
        self.zip: zipfile.ZipFile | None = None
        self.path = path
        if path.is_dir():
            self.names = sorted(entry.relative_to(path).as_posix() for entry in path.rglob("*") if not entry.is_dir())
            return
        try:
            self.zip = zipfile.ZipFile(path)
            self.names = self.zip.namelist()
        except (*_BROKEN, IndexError) as error:
            raise Unusable(f"{path} is neither a directory nor a readable zip file: {error}") from error

    def open(self, name: str) -> BinaryIO:
        """Open one file for reading bytes."""
        if self.zip is not None:
            return self.zip.open(name)  # type: ignore[return-value]  # a ZipExtFile reads like one
        return (self.path / name).open("rb")


class Report:
    """What was found."""

    def __init__(self) -> None:
        self.errors: list[dict[str, Any]] = []
        self.facts: dict[str, Any] = {}

    def wrong(self, where: str, what: str, line: int | None = None, gen: int | None = None) -> None:
        """Note one thing that does not agree."""
        found = {"where": where, "what": what, "line": line, "gen": gen}
        self.errors.append({key: value for key, value in found.items() if value is not None})


def read_manifest(package: Package, report: Report) -> dict[str, Any]:
    """Return the manifest, having checked its own bytes. Raises Unusable where there is none that can be read."""
    try:
        with package.open(MANIFEST) as file:
            data = file.read()
        manifest = json.loads(data)
        readable = isinstance(manifest["files"], dict) and manifest["format"] == FORMAT
        as_written = manifest_bytes(manifest)
    except (*_BROKEN, KeyError, TypeError, RecursionError) as error:
        raise Unusable(f"{MANIFEST} cannot be read: {error!r}") from error
    if not readable:
        raise Unusable(f"{MANIFEST} is not of format {FORMAT}")
    if data != as_written:
        report.wrong(MANIFEST, "its bytes are not in the form the exporter writes")
    expected = f"{hashlib.sha256(data).hexdigest()}  {MANIFEST}\n".encode()
    if MANIFEST_SUM in package.names and _content(package, MANIFEST_SUM, report) != expected:
        report.wrong(MANIFEST, f"its SHA-256 is not the one in {MANIFEST_SUM}")
    return manifest  # type: ignore[no-any-return]  # a JSON object


def _content(package: Package, name: str, report: Report) -> bytes:
    try:
        with package.open(name) as file:
            return file.read()
    except _BROKEN as error:
        report.wrong(name, f"cannot be read: {error}")
        return b""


def check_files(package: Package, manifest: dict[str, Any], report: Report) -> None:
    """Check that exactly the listed files are there, each with the bytes it had."""
    expected = {*manifest["files"], MANIFEST, MANIFEST_SUM}
    for name in sorted({name for name in package.names if package.names.count(name) > 1}):
        report.wrong(name, "is there more than once")
    for name in sorted(expected - set(package.names)):
        report.wrong(name, "is missing")
    for name in sorted(set(package.names) - expected):
        report.wrong(name, "is not part of the export")
    for name in sorted(set(manifest["files"]) & set(package.names)):
        _check_file(package, name, manifest["files"][name], report)


def _check_file(package: Package, name: str, listed: Any, report: Report) -> None:
    digest, size = hashlib.sha256(), 0
    try:
        with package.open(name) as file:
            while chunk := file.read(1 << 16):
                digest.update(chunk)
                size += len(chunk)
    except _BROKEN as error:
        report.wrong(name, f"cannot be read: {error}")
        return
    if listed != {"sha256": digest.hexdigest(), "bytes": size}:
        report.wrong(name, "its SHA-256 or length is not the one in the manifest")


# --- the events ------------------------------------------------------------------------------------------------------


class Chains:
    """Follows each stream: generations from 1 without a gap, each event naming the hash of the one before."""

    def __init__(self, only: str, expected_head: str, report: Report) -> None:
        self.only, self.expected_head, self.report = only, expected_head, report
        self.heads: dict[str, tuple[int, str]] = {}
        self.count = 0
        self.head_seen = False

    def follow(self, event: dict[str, Any], leaf: str, line: int) -> None:
        """Take the next event."""
        self.count += 1
        self.head_seen = self.head_seen or leaf == self.expected_head
        stream, gen = event["stream"], event["gen"]
        if self.only and stream != self.only:
            self.report.wrong(EVENTS, f"the event belongs to {stream!r}, not to {self.only!r}", line)
        if not stream:
            if gen is not None or event["prev"]:
                self.report.wrong(EVENTS, "an event outside any stream has a generation", line)
            return
        last_gen, last_leaf = self.heads.get(stream, (0, ""))
        if gen != last_gen + 1:
            self.report.wrong(EVENTS, f"generation {gen} of {stream} follows {last_gen}", line, gen)
        elif event["prev"] != last_leaf:
            self.report.wrong(
                EVENTS, f"generation {gen} of {stream} does not name the hash of the one before", line, gen
            )
        self.heads[stream] = (last_gen + 1 if gen is None else gen, leaf)


def parse_event(line: bytes) -> dict[str, Any]:
    """Return the event a line holds. Raises ValueError where it is not an event in canonical form."""
    if not line.endswith(b"\n"):
        raise ValueError("the line is too long or does not end")
    event = json.loads(line, parse_float=_no_float, parse_constant=_no_float, parse_int=_small_int)
    if not isinstance(event, dict) or canonical(event) != line[:-1]:
        raise ValueError("the line is not in canonical form")
    actor = event.get("actor")
    texts = [event.get(key) for key in _TEXT_KEYS]
    if isinstance(actor, dict):
        texts += [actor.get(key) for key in ("ref", "kind", "name", "auth")]
    if not isinstance(actor, dict) or not all(isinstance(text, str) for text in texts):
        raise ValueError("the event lacks a field, or has one of the wrong type")
    gen = event.get("gen", "")
    if not (gen is None or (isinstance(gen, int) and not isinstance(gen, bool))):
        raise ValueError("the generation is not a number")
    if not {"reason", "before", "after"} <= event.keys():
        raise ValueError("the event lacks a field")
    return event


def _no_float(text: str) -> NoReturn:
    raise ValueError(f"canonical events hold no {text}")


def _small_int(text: str) -> int:
    if len(text) > len(str(_LARGEST_INT)) + 1 or abs(int(text)) > _LARGEST_INT:
        raise ValueError("a number is larger than canonical events hold")
    return int(text)


def check_events(package: Package, chains: Chains, report: Report) -> None:
    """Walk events.jsonl and events.csv side by side."""
    csv.field_size_limit(_LONGEST_LINE)
    with package.open(EVENTS) as events, io.TextIOWrapper(package.open(TABLE), encoding="utf-8", newline="") as text:
        rows = csv.reader(text, strict=True)
        if next(rows, None) != CSV_COLUMNS:
            report.wrong(TABLE, "the header is not the expected one", 1)
        _check_lines(events, rows, chains, report)


def _check_lines(events: BinaryIO, rows: Iterator[list[str]], chains: Chains, report: Report) -> None:
    number, same = 0, True
    while line := events.readline(_LONGEST_LINE):
        number += 1
        try:
            event = parse_event(line)
        except (ValueError, RecursionError) as error:
            report.wrong(EVENTS, str(error), number)
            return  # what follows cannot be told from what should have been here
        leaf = leaf_hash(line[:-1])
        chains.follow(event, leaf, number)
        if same and next(rows, None) != csv_row(event, leaf):
            report.wrong(TABLE, f"row {number} does not say what event {number} says", number)
            same = False  # one finding is enough: after a missing row all of them differ
    if same and next(rows, None) is not None:
        report.wrong(TABLE, "there are more rows than events", number + 1)


# --- the verdict -----------------------------------------------------------------------------------------------------


def verify(path: Path, expected_head: str = "") -> Report:
    """Check everything and return what was found. Raises Unusable."""
    report = Report()
    package = Package(path)
    manifest = read_manifest(package, report)
    check_files(package, manifest, report)
    chains = Chains(str(manifest.get("stream", "")), expected_head, report)
    if {EVENTS, TABLE} <= set(package.names):
        try:
            check_events(package, chains, report)
        except (*_BROKEN, csv.Error) as error:
            report.wrong(f"{EVENTS} or {TABLE}", f"cannot be read: {error}")
    _compare(manifest, chains, report)
    return report


def _compare(manifest: dict[str, Any], chains: Chains, report: Report) -> None:
    """Compare what was counted with what the manifest says."""
    if manifest.get("events") != chains.count:
        report.wrong(MANIFEST, f"says {manifest.get('events')} events, there are {chains.count}")
    stream = chains.only
    last_gen, head = chains.heads.get(stream, (0, "")) if stream else (None, "")
    if stream and (manifest.get("last_gen"), manifest.get("head")) != (last_gen, head):
        report.wrong(MANIFEST, "its last generation or head is not that of the last event", gen=last_gen)
    if manifest.get("completeness") != ("proven" if stream else "asserted"):
        report.wrong(MANIFEST, "claims a completeness that this export cannot have")
    if chains.expected_head and not chains.head_seen:
        report.wrong(EVENTS, f"no event has the expected hash {chains.expected_head}")
    report.facts = {
        "events": chains.count,
        "stream": stream,
        "last_gen": last_gen,
        "head": head,
        "completeness": manifest.get("completeness"),
        "chained_streams": len(chains.heads),
        "filters": manifest.get("filters"),
        "generated_at": manifest.get("generated_at"),
    }


def main(arguments: list[str] | None = None) -> int:
    """Run as a command; return the exit status."""
    parser = argparse.ArgumentParser(description="Verify an audit export of Custody.")
    parser.add_argument("export", type=Path, help="the zip file, or the directory it was unpacked into")
    parser.add_argument("--expect-head", default="", metavar="HASH", help="a leaf hash kept elsewhere that must occur")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    options = parser.parse_args(arguments)
    try:
        report = verify(options.export, options.expect_head.strip().lower())
    except Unusable as error:
        print(json.dumps({"result": "unusable", "why": str(error)}) if options.json else f"UNUSABLE: {error}")
        return 2
    result = "tampered" if report.errors else "ok"
    if options.json:
        print(json.dumps({"result": result, "errors": report.errors, **report.facts}, indent=2))
    else:
        _print(report)
    return 1 if report.errors else 0


def _print(report: Report) -> None:
    for error in report.errors:
        place = f", line {error['line']}" if "line" in error else ""
        print(f"WRONG  {error['where']}{place}: {error['what']}")
    facts = report.facts
    subject = f"stream {facts['stream']}, generations 1 to {facts['last_gen']}" if facts["stream"] else "the whole log"
    print(f"{facts['events']} events of {subject}; completeness: {facts['completeness']}")
    if facts["head"]:
        print(f"head {facts['head']}  (compare it with one you kept)")
    print("TAMPERED: what was exported is not what is here." if report.errors else "OK: everything agrees.")


if __name__ == "__main__":
    sys.exit(main())
