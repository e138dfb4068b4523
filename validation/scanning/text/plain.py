"""Detects and reads text: bytes without control characters, in UTF-8. A table may have an older encoding."""

from __future__ import annotations

import codecs
import re
from typing import BinaryIO

from validation.scanning.report import Budget, Unsafe

_CHUNK = 1 << 20
MAX_TEXT = 5_000_000
_CONTROL = bytes(range(32)).translate(None, b"\t\n\r\x0b\x0c\x1b\x08") + b"\x7f"
# Attributes by which a template gets from a value to Python's own functions. Templates of models do not need them.
_REACHING = re.compile(r"__\w+__|\|\s*attr\b|\battr\s*\(|_getframe|\bgi_|\bcr_|\battribute\s*=\s*[^'\"\s]")
_BLOCK = re.compile(r"\{[{%].*?[%}]\}", re.DOTALL)
_LITERAL = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", re.DOTALL)
# The same names in pieces: a text that begins or ends with an underscore or escapes one …
_PIECE = re.compile(r"['\"]_|_['\"]|\\(?:[xX]5[fF]|u005[fF]|U0000005[fF]|137|N\{)")
# … a letter taken out of a text, or a key put together of texts. Texts are marked as NUL bytes.
_BUILT = re.compile(r"\0\s*\[|(?<!\w)\(\s*\0\s*\)\s*\[|[\w\])]\s*\[[^\[\]]*(?:\0\s*[~+*%|]|[~+*]\s*\0)")


def is_text(stream: BinaryIO, budget: Budget, *, any_encoding: bool = False) -> bool:
    """Return whether the stream is text from its position to its end."""
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
    """Return the text of a file. Raises Unsafe if it is longer than MAX_TEXT bytes or not UTF-8."""
    data = stream.read(MAX_TEXT + 1)
    if len(data) > MAX_TEXT:
        raise Unsafe(f"it is longer than {MAX_TEXT:,} bytes, which is too long for a file of its kind")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Unsafe("it is not text") from error


def reaches_python(template: str) -> bool:
    """Return whether a Jinja template could call Python's own functions.

    Libraries that render templates in a sandbox refuse these names themselves; not every library does.
    """
    if _REACHING.search(template) is not None:
        return True
    for block in _BLOCK.findall(template):
        if _BUILT.search(_LITERAL.sub("\0", block.replace("\0", ""))):
            return True
        if any(_PIECE.search(literal) for literal in _LITERAL.findall(block)):
            return True
    return False
