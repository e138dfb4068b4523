"""Scan of zip files. Readers look for members in different ways, so only files that all read alike are accepted.

Python's zipfile and PyTorch's reader use the directory at the end; other readers walk from the start. A file is
accepted if its members follow one another from the first byte to the directory, with the names in the directory.
"""

from __future__ import annotations

import lzma
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import BinaryIO, cast

from validation.scanning.archives.streams import Window, spooled
from validation.scanning.paths import leads_out
from validation.scanning.report import MAX_MEMBERS, Budget, FileReport, Unsafe

_CHUNK = 1 << 20
_ENCRYPTED = 0x1
# Flag and greatest size of a data descriptor, which follows the content of a member.
_HAS_DESCRIPTOR = 0x8
_MAX_DESCRIPTOR = 24
_LOCAL_HEADER = struct.Struct("<4s5H3I2H")
_END_SIZE = 22
_MAX_DIRECTORY = 64 * 1024**2

Inner = Callable[[FileReport, BinaryIO], None]
"""Scans one member and writes the result into its report, which has its name."""


def is_zip(stream: BinaryIO) -> bool:
    """Return whether some reader would take the stream for a zip file: by its start, or by the directory at its end."""
    start = stream.read(4)
    stream.seek(0)
    if start in {b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"}:
        return True
    try:
        is_filled = zipfile.is_zipfile(stream) and bool(zipfile.ZipFile(stream).namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error):
        is_filled = False
    stream.seek(0)
    return is_filled


def zip_names(stream: BinaryIO) -> set[str]:
    """Return the names of a zip file's members; an empty set if it cannot be read."""
    stream.seek(0)
    try:
        _require_small_directory(stream)
        names = set(zipfile.ZipFile(stream).namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error, Unsafe):
        names = set()
    stream.seek(0)
    return names


def scan_zip(report: FileReport, stream: BinaryIO, budget: Budget, inner: Inner) -> list[FileReport]:
    """Scan each member of a zip file and return the report of each.

    Raises Unsafe for a damaged file, and for one that two readers could read differently.
    """
    report.format = "zip"
    try:
        _require_small_directory(stream)
        with zipfile.ZipFile(stream) as archive:
            members = archive.infolist()
            _require_plain(members)
            starts = _require_one_reading(archive, stream, members)
            return [
                _scan_member(archive, stream, member, starts[member.filename], budget, inner)
                for member in members
                if not member.is_dir()
            ]
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, EOFError, struct.error, ValueError) as error:
        raise Unsafe(f"as a zip file it is damaged ({error})"[:200]) from error
    except (RuntimeError, NotImplementedError) as error:
        raise Unsafe(f"as a zip file it cannot be read ({error})"[:200]) from error


def _scan_member(
    archive: zipfile.ZipFile, stream: BinaryIO, member: zipfile.ZipInfo, start: int, budget: Budget, inner: Inner
) -> FileReport:
    part = FileReport(name=member.filename)
    with _opened(archive, stream, member, start, budget) as content:
        inner(part, content)
    return part


def _opened(
    archive: zipfile.ZipFile, stream: BinaryIO, member: zipfile.ZipInfo, start: int, budget: Budget
) -> AbstractContextManager[BinaryIO]:
    """Return a stream of a member's content. A member that is not compressed is read in place, after its checksum."""
    if member.compress_type == zipfile.ZIP_STORED:
        window = cast("BinaryIO", Window(stream, start, member.compress_size))
        _require_checksum(window, member, budget)
        return nullcontext(window)
    return spooled(_chunks(archive, member), budget)


def _require_checksum(window: BinaryIO, member: zipfile.ZipInfo, budget: Budget) -> None:
    checksum = 0
    while chunk := window.read(_CHUNK):
        checksum = zlib.crc32(chunk, checksum)
        budget.tick()
    if checksum != member.CRC or member.compress_size != member.file_size:
        raise Unsafe(f"as a zip file it is damaged (the checksum of {member.filename[:100]!r} is wrong)")
    window.seek(0)


def _chunks(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    with archive.open(member) as opened:
        while chunk := opened.read(_CHUNK):
            yield chunk


def _require_small_directory(stream: BinaryIO) -> None:
    """Raise Unsafe for a file that does not end as a zip file does, and for a directory too large to read."""
    size = stream.seek(0, 2)
    stream.seek(max(0, size - _END_SIZE))
    end = stream.read(_END_SIZE)
    stream.seek(0)
    if not end.startswith(b"PK\x05\x06") or end[-2:] != b"\x00\x00":
        raise Unsafe("as a zip file it is damaged, or something follows its end")
    directory = int.from_bytes(end[12:16], "little")
    if directory > _MAX_DIRECTORY:
        raise Unsafe("as a zip file it has too large a directory")


def _require_plain(members: list[zipfile.ZipInfo]) -> None:
    names = [member.filename for member in members]
    if len(names) > MAX_MEMBERS:
        raise Unsafe(f"it has more than {MAX_MEMBERS} members")
    if len(set(names)) != len(names):
        raise Unsafe("it has two members of one name")
    if any(member.flag_bits & _ENCRYPTED for member in members):
        raise Unsafe("it is encrypted")
    for member in members:
        if not _stays_inside(member):
            raise Unsafe(f"unpacked, {member.filename[:200]!r} would lie outside its folder, or lead there")


def _require_one_reading(archive: zipfile.ZipFile, stream: BinaryIO, members: list[zipfile.ZipInfo]) -> dict[str, int]:
    """Return the offset of each member's content. Raises Unsafe for gaps, overlaps, and names not in the directory."""
    starts: dict[str, int] = {}
    end, max_gap = 0, 0
    for member in sorted(members, key=lambda member: member.header_offset):
        if not end <= member.header_offset <= end + max_gap:
            raise Unsafe("as a zip file it holds something between its members, or in front of them")
        start = _start_of(stream, member)
        starts[member.filename] = start
        end = start + member.compress_size
        max_gap = _MAX_DESCRIPTOR if member.flag_bits & _HAS_DESCRIPTOR else 0
    if not end <= archive.start_dir <= end + max_gap:
        raise Unsafe("as a zip file it holds something between its members and their directory")
    return starts


def _start_of(stream: BinaryIO, member: zipfile.ZipInfo) -> int:
    stream.seek(member.header_offset)
    fields = _LOCAL_HEADER.unpack(stream.read(_LOCAL_HEADER.size))
    name = stream.read(fields[9])
    expected = member.orig_filename.encode("utf-8" if member.flag_bits & 0x800 else "cp437", "replace")
    if fields[0] != b"PK\x03\x04" or name != expected or fields[3] != member.compress_type:
        raise Unsafe("as a zip file it has a member that its directory describes otherwise")
    return member.header_offset + _LOCAL_HEADER.size + int(fields[9]) + int(fields[10])


def _stays_inside(member: zipfile.ZipInfo) -> bool:
    """Return whether a reader that unpacks the member to disk writes inside the folder of unpacking.

    The scan itself unpacks nothing to disk.
    """
    name = member.orig_filename
    is_link = stat.S_ISLNK(member.external_attr >> 16)
    return not leads_out(name) and "\\" not in name and not is_link
