"""Scan of streams compressed with gzip, bz2, xz, lzma or zlib, whatever the file is called, because joblib reads them
all.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import IO, BinaryIO, cast

from validation.scanning.archives.streams import spooled
from validation.scanning.report import Budget, FileReport

_CHUNK = 1 << 20
_MAGIC = (
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bz2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x5d\x00", "lzma"),
)
# Kinds whose magic bytes are so short that other data may begin with them by chance.
WEAK = frozenset({"zlib", "lzma"})
_ZLIB_METHOD, _ZLIB_WINDOW, _ZLIB_CHECK = 8, 0x80, 31
_ERRORS = (OSError, EOFError, zlib.error, lzma.LZMAError)

Inner = Callable[[FileReport, BinaryIO], None]


def compression_of(head: bytes) -> str:
    """Return the kind of compression that the first bytes may be of, "" for none."""
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if len(head) > 1 and head[0] & 0x0F == _ZLIB_METHOD and head[0] < _ZLIB_WINDOW:
        return "zlib" if (head[0] << 8 | head[1]) % _ZLIB_CHECK == 0 else ""
    return ""


def scan_compressed(report: FileReport, stream: BinaryIO, kind: str, budget: Budget, inner: Inner) -> bool:
    """Scan the content of a compressed stream. Return False if the stream is not compressed.

    A damaged stream is refused, because a reader uses the content before the damage. If the kind is in WEAK and a
    loader could not use that content, the stream counts as not compressed.
    """
    ended = _Ended()
    part = FileReport(name=report.name.rpartition(".")[0] or report.name)
    with spooled(_until_broken(stream, kind, ended), budget) as plain:
        empty = not plain.read(1)
        plain.seek(0)
        if ended.problem and kind in WEAK and empty:
            return False
        inner(part, plain)
    if ended.problem:
        if kind in WEAK and not part.loadable:
            return False
        report.refuse(f"as {kind} it is damaged ({ended.problem})"[:200])
    report.format = f"{part.format or 'data'} ({kind})"
    report.take_over(part)
    return True


class _Ended:
    """The error that ended the unpacking of a stream, "" for none."""

    problem = ""


def _until_broken(stream: BinaryIO, kind: str, ended: _Ended) -> Iterator[bytes]:
    try:
        yield from _unpacked(stream, kind)
    except _ERRORS as error:
        ended.problem = str(error) or "it ends too early"


def _unpacked(stream: BinaryIO, kind: str) -> Iterator[bytes]:
    if kind == "zlib":
        yield from _unzlib(stream)
        return
    if kind == "gzip":
        opened: IO[bytes] = cast("IO[bytes]", gzip.GzipFile(fileobj=stream, mode="rb"))
    else:
        opened = cast("IO[bytes]", bz2.BZ2File(stream) if kind == "bz2" else lzma.LZMAFile(stream))  # noqa: SIM115 - below
    with opened:
        while chunk := opened.read1(_CHUNK):  # type: ignore[attr-defined]  # all three have it
            yield chunk


def _unzlib(stream: BinaryIO) -> Iterator[bytes]:
    unpacker = zlib.decompressobj()
    while chunk := stream.read(1 << 14):
        yield unpacker.decompress(chunk, _CHUNK)
        while unpacker.unconsumed_tail:
            yield unpacker.decompress(unpacker.unconsumed_tail, _CHUNK)
        if unpacker.eof:
            break
    if not unpacker.eof:
        raise EOFError("it ends too early")
    if unpacker.unused_data or stream.read(1):
        raise EOFError("something follows its end")
