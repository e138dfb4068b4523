"""Reading a `dataset_version` value: which datasets it names, and in which versions.

An unclear value is not guessed.
"""

from __future__ import annotations

import re

import orjson

from lineage.identity.names import UNVERSIONED, is_uri, readable_name

MAX_DATASETS = 100
_SEPARATOR = re.compile(r"[+,;]")
_AT = re.compile(r"(.+)@([^\s/@]+)")
_COLON = re.compile(r"(.+?):([^\s/:]+)")
_UNDERSCORE = re.compile(r"(.+)[_-]([vV]\d[\w.-]*)")
_BARE_VERSION = re.compile(r"[vV]\d[\w.-]*|\d+(?:[.-]\d+)*")
_ALGORITHM = re.compile(r"(?:sha\d+|md5|gitsha|blake3)", re.IGNORECASE)
_LETTER = re.compile(r"[^\W\d_]")
# Words and marks that may join several names, without a defined meaning.
_UNCLEAR = re.compile(r"[|&]|\s(?:and|und|et|or)\s", re.IGNORECASE)
# Versions that mean another one tomorrow.
_MOVING = frozenset({"latest", "current", "newest", "head", "main", "master", "production", "prod", "staging"})


def parse_dataset_versions(text: str) -> list[tuple[str, str]]:
    """Return the (dataset, version) pairs that a `dataset_version` value names, each once, in its order.

    ``+``, ``,`` and ``;`` separate datasets, and a JSON list names several. ``name@X``, ``name:X`` and ``name_vX`` (or
    ``name-vX``) give a version. After ``@`` the version extends to the next dataset that names a version. A URI is not
    split. A bare version (``v1.2``, ``2026-11-01``) has the name ""; every other text is a name with the version
    "unversioned".
    """
    pieces = _listed(text) or _pieces(text)
    return list(dict.fromkeys(split_version(piece) for piece in pieces if piece))[:MAX_DATASETS]


def split_version(piece: str) -> tuple[str, str]:
    """Return the name and the version of one dataset; the version "unversioned" where it gives none."""
    parts = _split(piece)
    if parts[1] == UNVERSIONED and (plain := readable_name(piece)) != piece:
        other = _split(plain)
        return other if other[0] and other[1] != UNVERSIONED else parts
    return parts


def _split(piece: str) -> tuple[str, str]:
    if _UNCLEAR.search(piece) and not is_uri(piece):
        return piece, UNVERSIONED
    if _BARE_VERSION.fullmatch(piece):
        return "", piece
    matches = [_AT.fullmatch(piece)]
    if _may_have_colon_version(piece):
        matches.append(_COLON.fullmatch(piece))
    matches.append(_UNDERSCORE.fullmatch(piece))
    match = next((match for match in matches if match), None)
    if match is None or match[2].casefold() in _MOVING or not match[1].strip():
        return piece, UNVERSIONED
    return match[1].rstrip(), match[2]


def _listed(text: str) -> list[str]:
    """Return the texts of a JSON list, [] for any other text."""
    if not text.lstrip().startswith("["):
        return []
    try:
        values = orjson.loads(text)
    except orjson.JSONDecodeError:
        return []
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        return []
    return [value.strip() for value in values]


def _pieces(text: str) -> list[str]:
    """Return the texts of the single datasets; a separator inside a version or a URI separates nothing."""
    pieces: list[str] = []
    start = 0
    marks = [*_SEPARATOR.finditer(text)]
    for number, mark in enumerate(marks):
        end = marks[number + 1].start() if number + 1 < len(marks) else len(text)
        piece = text[start : mark.start()].strip()
        following = text[mark.end() : end].strip()
        if _separates(piece, following):
            pieces.append(piece)
            start = mark.end()
    return [*pieces, text[start:].strip()]


def _separates(piece: str, following: str) -> bool:
    """Return whether a separator between two texts begins another dataset."""
    address = is_uri(piece)
    if address and _AT.fullmatch(piece) is None:
        return is_uri(following)
    if address or _AT.fullmatch(piece):
        return is_uri(following) or _names_version(following)
    return True


def _names_version(piece: str) -> bool:
    """Return whether a text clearly names a dataset with a version."""
    name, version = split_version(piece)
    is_name = bool(_LETTER.match(name)) and _ALGORITHM.fullmatch(name) is None
    return version != UNVERSIONED and is_name


def _may_have_colon_version(piece: str) -> bool:
    """Return whether a colon may begin a version: not after a URI's scheme or before its port.

    ``s3://bucket/orders:v2`` may, ``db://host:5432`` may not.
    """
    _, scheme, address = piece.partition("://")
    return not scheme or "/" in address
