"""Paths in the files of a model: those that lead out of its folder, one answer for all formats."""

from __future__ import annotations

import re

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")  # of a URL, or the drive of a Windows path


def leads_out(path: str) -> bool:
    """Return whether a path leads out of the folder that it is relative to: it is absolute, a URL, or goes up."""
    posix = path.replace("\\", "/")
    return posix.startswith(("/", "~")) or ".." in posix.split("/") or "\x00" in path or bool(_SCHEME.match(posix))


def is_plain_path(path: str) -> bool:
    """Return whether a text that is certainly a path names something inside the folder, in every library's reading."""
    return bool(path.strip()) and not leads_out(path) and ":" not in path and "\\" not in path
