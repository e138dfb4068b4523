"""safetensors files: a header that says where each tensor lies, and nothing else."""

from __future__ import annotations

import json
from typing import BinaryIO

from validation.scanning.report import FileReport, Unsafe

_MAX_HEADER = 100_000_000
_LENGTH = 8
_NOT_ONE = "its header is not that of safetensors"


def looks_like_safetensors(head: bytes) -> bool:
    """Return whether a file begins with the length of a header and its first brace."""
    return head[_LENGTH : _LENGTH + 1] == b"{" and 0 < int.from_bytes(head[:_LENGTH], "little") <= _MAX_HEADER


def scan_safetensors(report: FileReport, stream: BinaryIO) -> None:
    """Check the header: names with type, shape and a place in what follows,
    the places next to one another to the end.
    """
    whole = stream.seek(0, 2)
    stream.seek(0)
    length = int.from_bytes(stream.read(_LENGTH), "little")
    if not 0 < length <= min(_MAX_HEADER, whole - _LENGTH):
        raise Unsafe(_NOT_ONE)
    try:
        header = json.loads(stream.read(length))
        places = sorted(tuple(entry["data_offsets"]) for name, entry in header.items() if name != "__metadata__")
    except (ValueError, RecursionError, AttributeError, KeyError, TypeError) as error:
        raise Unsafe(_NOT_ONE) from error
    reached = 0
    for place in places:
        if len(place) != 2 or place[0] != reached or not isinstance(place[1], int) or place[1] < reached:  # noqa: PLR2004 - from, to
            raise Unsafe(f"{_NOT_ONE}: tensors overlap or leave gaps")
        reached = place[1]
    if reached != whole - _LENGTH - length:
        raise Unsafe(f"{_NOT_ONE}: something lies behind the tensors")
    report.format = "safetensors"
