"""Artifact paths as clients name them.

They are keys in a table and never become file names, and unsafe paths are refused all the same.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from django.db import connection
from django.db.models import Q

from core.errors import InvalidInput

MAX_PATH = 1000
SCHEME = "mlflow-artifacts:"
_DRIVE = re.compile(r"[A-Za-z]:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SEPARATORS = re.compile(r"[/\\]")


def clean_path(path: str) -> str:
    """Return the key of the file that ``path`` names, or raise InvalidInput ("Invalid path").

    The path must come decoded once, as the web server hands it over. Paths that MLflow's `validate_path_is_safe`
    accepts are accepted: a percent sign is a character like others, control characters are written as ``%1f``, and
    ``a//b`` is ``a/b``. A path is refused that is, after any number of further decodings and with either kind of slash,
    ``..``, ``.``, an absolute path or a drive; that has a ``#`` (clients stop at one in a list of files); that is no
    UTF-8; or that has more than 1000 characters.
    """
    if path.startswith("/"):
        raise InvalidInput("Invalid path")  # exactly the message of MLflow's servers
    *folders, name = _CONTROL.sub(_escaped, path).split("/")
    segments = [*filter(None, folders), name]
    for segment in segments:
        _refuse_unsafe(segment, path)
    if any(segment.lower() == "file:" for segment in segments[:-1]):
        raise InvalidInput(f"Invalid path: {_quoted(path)} is a file URI.")
    clean = "/".join(segments)
    if len(clean) > MAX_PATH:
        raise InvalidInput(f"Invalid path: it has {len(clean)} characters, at most {MAX_PATH} are possible.")
    return clean


def clean_folder(path: str) -> str:
    """Return a folder's path, "" for the root; slashes at the end are allowed, and `.` for "here", which clients send.

    Raises InvalidInput.
    """
    if path.startswith("/") and path != "/":
        raise InvalidInput("Invalid path")
    segments = [segment for segment in path.split("/") if segment not in {"", "."}]
    return clean_path("/".join(segments)) if segments else ""


def decoded(path: str) -> str:
    """Return a path decoded until nothing changes; clients show listed names in this form."""
    while (form := unquote(path)) != path:
        path = form
    return path


def _escaped(control: re.Match[str]) -> str:
    return f"%{ord(control[0]):02x}"


def _refuse_unsafe(segment: str, path: str) -> None:
    """Refuse a segment that is unsafe in any of its decoded forms. Each decoding makes it shorter, so the loop ends."""
    readings = [segment]
    while (form := unquote(readings[-1])) != readings[-1]:
        readings.append(form)
    for form in readings:
        parts = _SEPARATORS.split(form)
        if ".." in parts or form.startswith(("/", "\\")):
            raise InvalidInput("Invalid path")
        if not form or "." in form.split("/"):
            raise InvalidInput(f"Invalid path: {_quoted(path)} has an empty, '.' or '..' segment.")
        if "#" in form or any(_DRIVE.match(part) for part in parts):
            raise InvalidInput(f"Invalid path: {_quoted(path)} has a drive letter or a '#'.")
        if any("\ud800" <= char <= "\udfff" for char in form):
            raise InvalidInput("Invalid path: it is not valid UTF-8.")


def _quoted(path: str) -> str:
    return repr(path if len(path) <= 100 else path[:100] + "…")  # noqa: PLR2004 - enough to recognise it


def ancestors(path: str) -> list[str]:
    """Return the folders above ``path``, outermost first: ``a/b/c`` → ``a``, ``a/b``."""
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]


def parent_of(path: str) -> str:
    """Return the folder of a path, "" at the root."""
    return path.rpartition("/")[0]


def below(prefix: str, *, column: str = "path") -> Q:
    """Return the condition "lies anywhere below the folder ``prefix``" (the folder itself not).

    SQLite's LIKE ignores case and cannot use the index, so there it is a range: "0" is the character after "/".
    """
    if not prefix:
        return ~Q(**{column: ""})
    if connection.vendor == "sqlite":
        return Q(**{f"{column}__gte": f"{prefix}/", f"{column}__lt": f"{prefix}0"})
    return Q(**{f"{column}__startswith": f"{prefix}/"})


def key_of_uri(uri: str) -> str:
    """Return the key behind an ``mlflow-artifacts:/…`` URI of this server; one that names a host is not ours.

    Raises InvalidInput.
    """
    scheme, _, path = uri.partition(":")
    if f"{scheme}:" != SCHEME or not path.startswith("/") or (path.startswith("//") and not path.startswith("///")):
        raise InvalidInput(f"{_quoted(uri)} is not an {SCHEME}/ location of this server.")
    return path.lstrip("/")
