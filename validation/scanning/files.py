"""Scan of one file by its content: its format, and whether loading it could run code that is not allowed.

A file that a loader would unpickle or unpack is scanned as such, whatever its name. A file of an unknown format is
refused, unless another file names it as its data (folder.py) or the policy names it (``allow_files``).
"""

from __future__ import annotations

from typing import BinaryIO

from validation.scanning.archives.compressed import compression_of, scan_compressed
from validation.scanning.archives.tars import is_tar, scan_tar
from validation.scanning.archives.zips import Inner, is_zip, scan_zip, zip_names
from validation.scanning.formats.binary import scan_binary
from validation.scanning.pickles.numpy_files import NPY_MAGIC, scan_npy
from validation.scanning.pickles.scan import acts_like_pickle, scan_pickle
from validation.scanning.pickles.skops_files import SCHEMA, skops_member
from validation.scanning.pickles.torch_files import is_legacy_torch, is_torch, scan_legacy_torch, torch_member
from validation.scanning.report import MAX_DEPTH, UNKNOWN_FORMAT, Budget, FileReport, Unsafe, settle
from validation.scanning.signatures import (
    HEAD,
    PICKLE_SUFFIXES,
    ZIP_SUFFIXES,
    code_in,
    is_marked_pickle,
    is_weak,
    suffix_of,
    unread_format,
)
from validation.scanning.text.files import scan_text


def scan_file(name: str, stream: BinaryIO, budget: Budget) -> FileReport:
    """Return the report of one file, with format and problems. The stream must be seekable; nothing in it is run."""
    report = FileReport(name=name)
    scan_content(report, stream, budget, depth=0)
    return report


def scan_content(report: FileReport, stream: BinaryIO, budget: Budget, *, depth: int) -> None:
    """Scan a file, or a member of an archive, and write its format and problems into the report.

    ``depth`` is the number of archives around it.
    """
    if depth > MAX_DEPTH:
        report.refuse("it is packed into itself too deeply")
        return
    try:
        _scan_by_content(report, stream, budget, depth)
    except Unsafe as error:
        report.refuse(str(error))


def _scan_by_content(report: FileReport, stream: BinaryIO, budget: Budget, depth: int) -> None:
    head = stream.read(HEAD)
    stream.seek(0)
    if (code := code_in(head, report.name)) and not budget.allow_code:
        raise Unsafe(f"it is {code}; a model is data")
    if _unpack(report, stream, head, budget, depth):
        return
    stream.seek(0)
    if _unpickle(report, stream, head, budget):
        return
    stream.seek(0)
    if unread := unread_format(head):
        report.unsigned, report.loadable = True, not is_weak(unread)
        raise Unsafe(
            f"it is a file of {unread}, which is not read here. Unpack it, or save the model in another format"
        )
    if scan_binary(report, stream, head, budget, _one_deeper(budget, depth)):
        return
    stream.seek(0)
    if scan_text(report, stream, budget):
        return
    report.unsigned = True
    report.refuse(UNKNOWN_FORMAT)


def _one_deeper(budget: Budget, depth: int) -> Inner:
    def inner(part: FileReport, content: BinaryIO) -> None:
        scan_content(part, content, budget, depth=depth + 1)

    return inner


def _unpack(report: FileReport, stream: BinaryIO, head: bytes, budget: Budget, depth: int) -> bool:
    """Scan the content of an archive or a compressed stream. Return False if the file is neither."""
    inner = _one_deeper(budget, depth)
    if is_zip(stream):
        report.loadable = True
        _unpack_zip(report, stream, budget, inner)
        return True
    if suffix_of(report.name) in ZIP_SUFFIXES:
        raise Unsafe(f"it is named {suffix_of(report.name)} and is not a zip file")
    if kind := compression_of(head):
        if scan_compressed(report, stream, kind, budget, inner):
            report.loadable = True
            return True
        stream.seek(0)
    if is_tar(head):
        report.loadable = True
        _take_over(report, scan_tar(report, stream, budget, inner))
        return True
    return False


def _unpack_zip(report: FileReport, stream: BinaryIO, budget: Budget, inner: Inner) -> None:
    names = zip_names(stream)
    if is_torch(names):
        kind, scan_member = "PyTorch", torch_member(inner, budget)
    elif SCHEMA in names:
        kind, scan_member = "skops", skops_member(inner, budget)
    else:
        kind, scan_member = "numpy arrays" if suffix_of(report.name) == ".npz" else "zip", inner
    parts = scan_zip(report, stream, budget, scan_member)
    report.format = kind
    _take_over(report, parts)


def _take_over(report: FileReport, parts: list[FileReport]) -> None:
    settle(parts)
    for part in parts:
        report.take_over(part, f"{part.name[:200]}: ")


def _unpickle(report: FileReport, stream: BinaryIO, head: bytes, budget: Budget) -> bool:
    """Scan a pickle, a numpy file or an old PyTorch file. Return False if the file is none of these."""
    if head.startswith(NPY_MAGIC):
        report.loadable = True
        scan_npy(report, stream, budget)
        return True
    if is_legacy_torch(head):
        report.loadable = True
        scan_legacy_torch(report, stream, budget)
        return True
    has_pickle_name = suffix_of(report.name) in PICKLE_SUFFIXES
    if not has_pickle_name and not is_marked_pickle(head):
        if not acts_like_pickle(stream, budget):
            return False
        stream.seek(0)
    scan_pickle(report, stream, budget)
    report.loadable = has_pickle_name or bool(report.globals) or not report.problems
    report.unsigned = not report.loadable
    return True
