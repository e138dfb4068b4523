"""Scan of safetensors files: a header with the range of bytes of each tensor, and the tensors."""

from __future__ import annotations

import json
from typing import BinaryIO

from validation.scanning.report import FileReport, Unsafe

_MAX_HEADER = 100_000_000
_LENGTH = 8
_BAD_HEADER = "its header is not that of safetensors"


def looks_like_safetensors(head: bytes) -> bool:
    """Return whether a file begins with a plausible length of a header and a brace."""
    return head[_LENGTH : _LENGTH + 1] == b"{" and 0 < int.from_bytes(head[:_LENGTH], "little") <= _MAX_HEADER


def scan_safetensors(report: FileReport, stream: BinaryIO) -> None:
    """Scan the header of a safetensors file. Raises Unsafe if it is damaged, or if tensors overlap or leave gaps."""
    file_size = stream.seek(0, 2)
    stream.seek(0)
    length = int.from_bytes(stream.read(_LENGTH), "little")
    if not 0 < length <= min(_MAX_HEADER, file_size - _LENGTH):
        raise Unsafe(_BAD_HEADER)
    try:
        header = json.loads(stream.read(length))
        ranges = sorted(tuple(entry["data_offsets"]) for name, entry in header.items() if name != "__metadata__")
    except (ValueError, RecursionError, AttributeError, KeyError, TypeError) as error:
        raise Unsafe(_BAD_HEADER) from error
    end = 0
    for offsets in ranges:
        if len(offsets) != 2 or offsets[0] != end or not isinstance(offsets[1], int) or offsets[1] < end:  # noqa: PLR2004 - from, to
            raise Unsafe(f"{_BAD_HEADER}: tensors overlap or leave gaps")
        end = offsets[1]
    if end != file_size - _LENGTH - length:
        raise Unsafe(f"{_BAD_HEADER}: something follows the tensors")
    report.format = "safetensors"
