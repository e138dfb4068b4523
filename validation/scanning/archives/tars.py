"""Scan of tar files: their members are scanned like other files, and links and devices are refused."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from typing import BinaryIO, cast

from validation.scanning.archives.streams import Window
from validation.scanning.paths import leads_out
from validation.scanning.report import MAX_MEMBERS, Budget, FileReport, Unsafe

_BLOCK = 512
_CHECKSUM = slice(148, 156)

Inner = Callable[[FileReport, BinaryIO], None]


def is_tar(head: bytes) -> bool:
    """Return whether a block begins a tar file, by its checksum, because old tar files have no magic bytes."""
    if len(head) < _BLOCK:
        return False
    text = head[_CHECKSUM].rstrip(b"\x00 ").lstrip()
    try:
        declared = int(text, 8)
    except ValueError:
        return False
    blanked = head[: _CHECKSUM.start] + b" " * 8 + head[_CHECKSUM.stop : _BLOCK]
    return declared == sum(blanked) and declared > sum(b" " * 8)


def scan_tar(report: FileReport, stream: BinaryIO, budget: Budget, inner: Inner) -> list[FileReport]:
    """Scan each member of a tar file and return the report of each. Raises Unsafe for a damaged or unsafe file."""
    report.format = "tar"
    try:
        with tarfile.open(fileobj=stream, mode="r:", errorlevel=2) as archive:
            members = []
            for member in archive:
                budget.spend_steps(1)
                members.append(_require_plain(member))
    except (tarfile.TarError, ValueError, OSError, EOFError) as error:
        raise Unsafe(f"as a tar file it is damaged ({error})"[:200]) from error
    if len(members) > MAX_MEMBERS or len({member.name for member in members}) != len(members):
        raise Unsafe(f"it has more than {MAX_MEMBERS} members, or two of one name")
    reports = []
    for member in members:
        if member.isfile():
            reports.append(FileReport(name=member.name))
            inner(reports[-1], cast("BinaryIO", Window(stream, member.offset_data, member.size)))
    return reports


def _require_plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Return a member that is a file or folder inside the folder of unpacking. Raises Unsafe for any other."""
    if member.issparse() or not (member.isreg() or member.isdir()):
        raise Unsafe(f"unpacked, {member.name[:200]!r} would be a link or a device")
    if leads_out(member.name):
        raise Unsafe(f"unpacked, {member.name[:200]!r} would lie outside its folder")
    return member
