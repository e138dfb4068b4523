"""Detection of binary formats, and the choice of the scan for each."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import BinaryIO

from validation.scanning.formats import gguf
from validation.scanning.formats.hdf5 import scan_hdf5
from validation.scanning.formats.msgpack import Inner, scan_msgpack
from validation.scanning.formats.onnx import scan_onnx
from validation.scanning.formats.safetensors import looks_like_safetensors, scan_safetensors
from validation.scanning.formats.sentencepiece import scan_sentencepiece
from validation.scanning.formats.tables import is_table, scan_table
from validation.scanning.formats.tensorflow import (
    is_index,
    scan_fingerprint,
    scan_index,
    scan_keras_metadata,
    scan_saved_model,
)
from validation.scanning.formats.ubjson import is_xgboost
from validation.scanning.pickles.scan import acts_like_pickle, scan_pickle
from validation.scanning.report import Budget, FileReport, Unsafe
from validation.scanning.signatures import data_format, is_hdf5, suffix_of
from validation.scanning.text.json_files import problems_of_document

# Suffixes of formats that are recognised by their content: a file with such a name and other content is refused.
_RECOGNISED_SUFFIXES = frozenset(
    [
        ".arrow",
        ".cbm",
        ".feather",
        ".gguf",
        ".gif",
        ".h5",
        ".hdf5",
        ".jpeg",
        ".jpg",
        ".keras",
        ".npy",
        ".parquet",
        ".pdf",
        ".png",
        ".ubj",
        ".webp",
    ]
)
_BY_NAME: dict[str, Callable[[FileReport, BinaryIO, Budget], None]] = {
    "saved_model.pb": scan_saved_model,
    "keras_metadata.pb": scan_keras_metadata,
    "fingerprint.pb": scan_fingerprint,
}
# Attributes of files by PyTables, which unpickles values.
_PICKLING = frozenset({"PYTABLES_FORMAT_VERSION", "PSEUDOATOM"})


def scan_binary(report: FileReport, stream: BinaryIO, head: bytes, budget: Budget, inner: Inner) -> bool:
    """Scan a file of a known binary format. Return False for any other file.

    ``inner`` scans bytes inside the file as a file of their own.
    """
    suffix = suffix_of(report.name)
    if scan := _BY_NAME.get(PurePosixPath(report.name).name):
        scan(report, stream, budget)
    elif suffix == ".onnx":
        scan_onnx(report, stream, budget)
    elif suffix == ".safetensors" or looks_like_safetensors(head):
        scan_safetensors(report, stream)
    elif is_hdf5(head):
        scan_hdf5(report, stream, budget, _attribute_scanner(report, budget))
    elif is_table(head):
        scan_table(report, stream, budget)
    elif head.startswith(gguf.MAGIC):
        gguf.scan_gguf(report, stream, budget)
    elif kind := data_format(head):
        report.format = kind
    else:
        return _scan_unmarked(report, stream, head, budget) or _scan_packed(report, stream, budget, inner)
    return True


def _scan_packed(report: FileReport, stream: BinaryIO, budget: Budget, inner: Inner) -> bool:
    stream.seek(0)
    return scan_msgpack(report, stream, budget, inner)


def _scan_unmarked(report: FileReport, stream: BinaryIO, head: bytes, budget: Budget) -> bool:
    """Scan a file of a format without magic bytes, which is recognised by its structure. Return False for another."""
    suffix = suffix_of(report.name)
    if head.startswith(b"{") and is_xgboost(stream, budget):
        report.format = "XGBoost model"
        return True
    stream.seek(0)
    if suffix in _RECOGNISED_SUFFIXES:
        raise Unsafe(f"it is named {suffix} and is of another format")
    if suffix == ".index" and is_index(stream):
        scan_index(report)
        return True
    return scan_sentencepiece(report, stream, budget)


def _attribute_scanner(report: FileReport, budget: Budget) -> Callable[[str, bytes], None]:
    """Return the function that scans the text of an attribute of an HDF5 file."""

    def scan(name: str, text: bytes) -> None:
        unpadded = text.rstrip(b"\x00")
        if name in _PICKLING:
            report.refuse("as an HDF5 file it is one of PyTables, which unpickles values")
        elif unpadded[:1] in {b"{", b"["} and (problems := problems_of_document(unpadded, budget)) is not None:
            for problem in problems:
                report.refuse(problem[:1000])
        elif acts_like_pickle(io.BytesIO(text), budget):
            scan_pickle(report, io.BytesIO(unpadded), budget)

    return scan
