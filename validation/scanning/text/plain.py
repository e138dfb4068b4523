"""Detection of text files, piece by piece: without control characters, in UTF-8 (tables may be in an older
encoding).
"""

from __future__ import annotations

import codecs
from typing import BinaryIO

from validation.scanning.report import Budget, Unsafe

_CHUNK = 1 << 20
MAX_TEXT = 5_000_000
_CONTROL = bytes(range(32)).translate(None, b"\t\n\r\x0b\x0c\x1b\x08") + b"\x7f"


def is_text(stream: BinaryIO, budget: Budget, *, any_encoding: bool = False) -> bool:
    """Return whether the whole stream is text."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    while chunk := stream.read(_CHUNK):
        if len(chunk.translate(None, _CONTROL)) != len(chunk):
            return False
        if not any_encoding and not _decodes(decoder, chunk):
            return False
        budget.tick()
    return any_encoding or _decodes(decoder, b"", final=True)


def _decodes(decoder: codecs.IncrementalDecoder, chunk: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(chunk, final)
    except UnicodeDecodeError:
        return False
    return True


def read_text(stream: BinaryIO) -> str:
    """Return a small text file. Raises Unsafe when it is none."""
    data = stream.read(MAX_TEXT + 1)
    if len(data) > MAX_TEXT:
        raise Unsafe("it is too long for what it is")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Unsafe("it is not text") from error
