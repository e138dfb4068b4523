"""Arguments of opcodes of protocol 0, which are lines of text: numbers, texts and memo indexes.

Unpicklers accept more forms than picklers write: INT and LONG in every base of Python, with underscores, blanks and
text after a NUL. For numbers there are two predicates: whether an unpickler may accept a text, and whether a pickler
writes it. The scan refuses forms that an unpickler may accept and no pickler writes.
"""

from __future__ import annotations

import re

_INT = re.compile(rb"-?[0-9]+")
_LONG = re.compile(rb"-?[0-9]+L?")
_LIKE_INT = re.compile(rb"\s*[+-]?[0-9][0-9a-zA-Z_]*\s*(?:\x00.*)?", re.DOTALL)
_FLOAT = re.compile(rb"-?(?:[0-9]+(?:\.[0-9]*)?(?:e[+-]?[0-9]+)?|inf|nan)")
_LIKE_FLOAT = re.compile(rb"\s*[-+0-9a-zA-Z_.]+\s*(?:\x00.*)?", re.DOTALL)
_INDEX = re.compile(rb"[0-9]{1,18}")
_SHORT = 18


def is_plain_int(text: bytes, *, long: bool) -> bool:
    """Return whether a pickler writes an integer in this form."""
    return (_LONG if long else _INT).fullmatch(text) is not None


def may_be_int(text: bytes, *, long: bool) -> bool:
    """Return whether an unpickler may accept the text as an integer. For a LONG it removes one L at the end."""
    return _LIKE_INT.fullmatch(text.removesuffix(b"L") if long else text) is not None or (
        _LIKE_INT.fullmatch(text) is not None
    )


def small_int(text: bytes) -> int | None:
    """Return a short, plain integer; None for any other text."""
    return int(text.rstrip(b"L")) if len(text) <= _SHORT and _LONG.fullmatch(text) else None


def is_plain_float(text: bytes) -> bool:
    """Return whether a pickler writes a number in this form."""
    return _FLOAT.fullmatch(text) is not None


def may_be_float(text: bytes) -> bool:
    """Return whether an unpickler may accept the text as a number."""
    return _LIKE_FLOAT.fullmatch(text) is not None


def memo_index(text: bytes) -> tuple[int | None, bool]:
    """Return an index in the memo, None if no unpickler accepts it, and whether a pickler writes this form."""
    if _INDEX.fullmatch(text):
        return int(text), True
    try:
        return int(text.split(b"\x00")[0]), False
    except ValueError:
        return None, False


def quoted(text: bytes) -> bytes | None:
    """Return the text between the quotes of a STRING argument; None without quotes."""
    if len(text) > 1 and text[:1] == text[-1:] and text[:1] in {b"'", b'"'}:
        return text[1:-1]
    return None
