"""Scans JSON files for keys that make a library import code, build objects or open files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import BinaryIO

from validation.scanning.report import Budget, FileReport, Unsafe
from validation.scanning.text.json_keys import problems_of_pair, problems_of_record

_MAX_JSON = 64 * 1024**2
_MAX_LINE = 8 * 1024**2
_SUSPICIOUS = re.compile(
    rb'auto_map|trust_remote_code|"py/|py/(?:object|reduce|type|function)|class_name|registered_name|custom_pipeline'
)


def scan_json(report: FileReport, stream: BinaryIO, budget: Budget, *, lines: bool = False) -> None:
    """Scan a JSON file. With ``lines`` it has one document on each line.

    Raises Unsafe for a file that is too long to be parsed and that seems to have a key that loads code.
    """
    report.format = "JSON"
    data = stream.read(_MAX_JSON + 1)
    if len(data) > _MAX_JSON:
        _scan_large(stream, budget)
        return
    problems = None if lines else problems_of_document(data, budget)
    if problems is None:
        problems = _problems_of_lines(data, budget)
    if problems is None:
        report.format = "text"
        problems = ["it is no plain JSON, and has a key that loads code"] if _SUSPICIOUS.search(data) else []
    for problem in problems:
        report.refuse(problem[:1000])


def problems_of_document(data: bytes, budget: Budget) -> list[str] | None:
    """Return the problems of one document; None if it is not JSON."""
    problems: list[str] = []

    def pairs(entries: list[tuple[str, object]]) -> dict[str, object]:
        budget.spend_steps(len(entries))
        for key, value in entries:
            problems.extend(problems_of_pair(key, value, budget))
        record = dict(entries)
        problems.extend(problems_of_record(record, budget))
        return record

    try:
        value = json.loads(data, object_pairs_hook=pairs)
        if isinstance(value, str) and value[:1] in {"{", "["}:
            json.loads(value, object_pairs_hook=pairs)
    except (ValueError, RecursionError):
        return None
    return problems


def _problems_of_lines(data: bytes, budget: Budget) -> list[str] | None:
    by_line: list[str] = []
    for line in data.splitlines():
        problems = problems_of_document(line, budget) if line.strip() else []
        if problems is None:
            return None
        by_line += problems
    return by_line


def _scan_large(stream: BinaryIO, budget: Budget) -> None:
    """Search a file that is too long to be parsed for the names of keys that load code."""
    stream.seek(0)
    for window in _windows(stream):
        budget.tick()
        if _SUSPICIOUS.search(window) or (b"\\u" in window and _SUSPICIOUS.search(_unescaped(window))):
            raise Unsafe(f"as JSON it is longer than {_MAX_JSON // 1024**2} MiB, and has a key that loads code")


def _windows(stream: BinaryIO) -> Iterator[bytes]:
    overlap = b""
    while chunk := stream.read(_MAX_LINE):
        yield overlap + chunk
        overlap = chunk[-256:]


def _unescaped(window: bytes) -> bytes:
    """Return a part of a document, with the ASCII characters in place of their escapes."""
    return re.sub(rb"\\u00([2-7][0-9a-fA-F])", lambda match: bytes([int(match[1], 16)]), window)
