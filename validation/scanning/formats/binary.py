"""Which binary format a file is of, and what judges it."""

from __future__ import annotations

from typing import BinaryIO

from validation.scanning.formats.onnx import scan_onnx
from validation.scanning.formats.safetensors import looks_like_safetensors, scan_safetensors
from validation.scanning.formats.tables import is_table, scan_table
from validation.scanning.report import Budget, FileReport, Unsafe
from validation.scanning.signatures import data_format, suffix_of

_PROMISES = frozenset({".png", ".jpg", ".jpeg", ".gif", ".webp", ".pdf", ".parquet", ".arrow", ".feather", ".cbm"})


def scan_binary(report: FileReport, stream: BinaryIO, head: bytes, budget: Budget) -> bool:
    """Judge a file of a binary format; return False where it is of none that is known."""
    suffix = suffix_of(report.name)
    if suffix == ".onnx":
        scan_onnx(report, stream, budget)
    elif suffix == ".safetensors" or looks_like_safetensors(head):
        scan_safetensors(report, stream)
    elif is_table(head):
        scan_table(report, stream, budget)
    elif kind := data_format(head):
        report.format = kind
    elif suffix in _PROMISES:
        raise Unsafe(f"it is named {suffix} and is of another format")
    else:
        return False
    return True
