"""Zip files (skops, npz, PyTorch, plain) and compressed streams: what is inside is judged like any other file."""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, BinaryIO, cast

from validation.scanning.report import MAX_MEMBERS, Budget, Found, Unsafe

_IN_MEMORY = 32 * 1024**2
_CHUNK = 1 << 20
_ENCRYPTED = 0x1
_DRIVE = re.compile(r"[A-Za-z]:")

Inner = Callable[[Found, BinaryIO], None]
"""Judges one member: its name is in the Found it is given."""


def scan_zip(found: Found, stream: BinaryIO, budget: Budget, inner: Inner) -> list[str]:
    """Judge each member of a zip file and return their names. Refuses what two readers could take for different files."""
    found.format = "zip"
    try:
        with zipfile.ZipFile(stream) as archive:
            members = archive.infolist()
            _require_plain(members)
            for member in members:
                if member.is_dir():
                    continue
                with archive.open(member) as opened, _spooled(_chunks(opened), budget) as plain:
                    part = Found(name=member.filename)
                    inner(part, plain)
                found.globals |= part.globals
                found.problems += [f"{member.filename[:200]}: {problem}" for problem in part.problems]
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, EOFError) as error:
        raise Unsafe(f"as a zip file it is damaged ({error})"[:200]) from error
    except (RuntimeError, NotImplementedError) as error:
        raise Unsafe(f"as a zip file it cannot be read ({error})"[:200]) from error
    return [member.filename for member in members]


def _require_plain(members: list[zipfile.ZipInfo]) -> None:
    names = [member.filename for member in members]
    if len(names) > MAX_MEMBERS:
        raise Unsafe(f"it has more than {MAX_MEMBERS} members")
    if len(set(names)) != len(names):
        raise Unsafe("it has two members of one name")
    if members and min(member.header_offset for member in members) != 0:
        raise Unsafe("it has something in front of the zip file")
    if any(member.flag_bits & _ENCRYPTED for member in members):
        raise Unsafe("it is encrypted")
    for member in members:
        if not _stays_inside(member):
            raise Unsafe(f"unpacked, {member.filename[:200]!r} would lie outside its folder, or lead there")


def _stays_inside(member: zipfile.ZipInfo) -> bool:
    """Tell whether whoever unpacks the member gets a file below where they unpack. Not here: nothing is unpacked here."""
    name = member.orig_filename
    is_link = stat.S_ISLNK(member.external_attr >> 16)
    plain = not name.startswith("/") and "\\" not in name and "\x00" not in name and not _DRIVE.match(name)
    return plain and ".." not in name.split("/") and not is_link


def scan_compressed(found: Found, stream: BinaryIO, kind: str, budget: Budget, inner: Inner) -> None:
    """Judge what is inside a compressed stream."""
    found.format = kind
    try:
        with _spooled(_unpacked(stream, kind), budget) as plain:
            part = Found(name=found.name.rpartition(".")[0] or found.name)
            inner(part, plain)
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise Unsafe(f"as {kind} it is damaged ({error})"[:200]) from error
    found.format = f"{part.format or 'data'} ({kind})"
    found.globals |= part.globals
    found.problems += part.problems


def _unpacked(stream: BinaryIO, kind: str) -> Iterator[bytes]:
    if kind == "zlib":
        yield from _unzlib(stream)
        return
    if kind == "gzip":
        opened: IO[bytes] = cast("IO[bytes]", gzip.GzipFile(fileobj=stream))
    else:
        opened = cast("IO[bytes]", bz2.BZ2File(stream) if kind == "bz2" else lzma.LZMAFile(stream))  # noqa: SIM115 - below
    with opened:
        yield from _chunks(opened)


def _unzlib(stream: BinaryIO) -> Iterator[bytes]:
    unpacker = zlib.decompressobj()
    while chunk := stream.read(1 << 16):
        data = unpacker.decompress(chunk, _CHUNK)
        yield data
        while unpacker.unconsumed_tail:
            yield unpacker.decompress(unpacker.unconsumed_tail, _CHUNK)
        if unpacker.eof:
            break
    if not unpacker.eof:
        raise EOFError("it ends too early")
    if unpacker.unused_data or stream.read(1):
        raise EOFError("something follows its end")


def _chunks(opened: IO[bytes]) -> Iterator[bytes]:
    while chunk := opened.read(_CHUNK):
        yield chunk


@contextmanager
def _spooled(chunks: Iterator[bytes], budget: Budget) -> Iterator[BinaryIO]:
    """Yield the chunks as one file that can be read twice; large ones on disk, in a file only this process can open."""
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as plain:
        for chunk in chunks:
            budget.spend(len(chunk))
            plain.write(chunk)
        plain.seek(0)
        yield cast("BinaryIO", plain)
