"""Artifact paths as clients name them. They are keys in a table and never become file names, yet nothing odd is let in."""

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
_DECODINGS = 5


def clean_path(path: str) -> str:
    """Return ``path`` if it may name an artifact: relative, no empty, `.` or `..` segment, in whatever encoding.

    The path must come decoded once, as the web server hands it over. Raises InvalidInput ("Invalid path") otherwise:
    for a traversal behind one or more further percent-encodings, backslashes, control characters, drive letters, lone
    surrogates and more than 1000 characters.
    """
    if len(path) > MAX_PATH:
        raise InvalidInput(f"Invalid path: it has {len(path)} characters, at most {MAX_PATH} are possible.")
    form = path
    for _ in range(_DECODINGS):
        _refuse_odd(form, path)
        decoded = unquote(form)
        if decoded == form:
            return path
        form = decoded
    raise InvalidInput("Invalid path: it is percent-encoded too many times.")


def clean_folder(path: str) -> str:
    """Return a folder's path, "" for the root; one slash at the end is allowed, and `.` for "here", which clients send."""
    segments = [segment for segment in path.removesuffix("/").split("/") if segment != "."]
    return clean_path("/".join(segments)) if any(segments) or len(segments) > 1 else ""


def _refuse_odd(form: str, path: str) -> None:
    segments = form.split("/")
    if ".." in segments or form.startswith("/"):
        raise InvalidInput("Invalid path")  # the whole of it, as MLflow's servers say it
    if any(segment in {"", ".", ".."} for segment in segments):
        raise InvalidInput(f"Invalid path: {_shown(path)} has an empty, '.' or '..' segment.")
    if "\\" in form or _CONTROL.search(form) or _DRIVE.match(form):
        raise InvalidInput(f"Invalid path: {_shown(path)} has a backslash, a control character or a drive letter.")
    if any("\ud800" <= char <= "\udfff" for char in form):
        raise InvalidInput("Invalid path: it is not valid UTF-8.")


def _shown(path: str) -> str:
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
    """Return the key behind an ``mlflow-artifacts:/…`` URI of this server; one that names a host is not ours."""
    scheme, _, rest = uri.partition(":")
    if f"{scheme}:" != SCHEME or not rest.startswith("/") or (rest.startswith("//") and not rest.startswith("///")):
        raise InvalidInput(f"{_shown(uri)} is not an {SCHEME}/ location of this server.")
    return rest.lstrip("/")
