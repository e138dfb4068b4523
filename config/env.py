"""Reads environment variables strictly: a value that cannot be understood stops the start.

Every variable may also come from the file that ``NAME_FILE`` names, as is usual for secrets of containers.
"""

from __future__ import annotations

import hashlib
import math
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

BASE_DIR = Path(__file__).resolve().parent.parent

# A unix socket path may be about 107 bytes long (sun_path); the limit here is lower.
_SOCKET_PATH_LIMIT = 100


class BadSetting(Exception):
    """An environment variable has a value that Custody cannot use. The message says which one and why."""


def text(name: str, default: str = "") -> str:
    """Return variable ``name``, or the stripped content of the file named by ``name + "_FILE"``."""
    if path := os.environ.get(f"{name}_FILE"):
        return Path(path).read_text(encoding="utf-8").strip()
    return os.environ.get(name, default)


def flag(name: str, *, default: bool) -> bool:
    """Return an on/off variable: on, off, true, false, 1 or 0. Raises BadSetting for any other value."""
    raw = text(name).lower()
    if not raw:
        return default
    if raw in {"on", "true", "1"}:
        return True
    if raw in {"off", "false", "0"}:
        return False
    msg = f"{name} must be on or off, not {raw!r}"
    raise BadSetting(msg)


def number(name: str, default: float, *, least: float | None = None) -> float:
    """Return a numeric variable. Raises BadSetting: no number, or less than ``least``."""
    raw = text(name)
    if not raw:
        return default
    try:
        value = float(raw)
    except ValueError as error:
        msg = f"{name} must be a number, not {raw!r}"
        raise BadSetting(msg) from error
    if least is not None and not least <= value < math.inf:
        msg = f"{name} must be a number of at least {least:g}, not {raw!r}"
        raise BadSetting(msg)
    return value


def choice(name: str, allowed: Sequence[str], default: str) -> str:
    """Return a variable that is one of the allowed words. Raises BadSetting for any other value."""
    raw = text(name).lower() or default
    if raw in allowed:
        return raw
    msg = f"{name} must be one of {', '.join(allowed)}, not {raw!r}"
    raise BadSetting(msg)


def names(name: str, default: str = "") -> list[str]:
    """Return a comma-separated variable as a list without blanks."""
    return [part.strip() for part in text(name, default).split(",") if part.strip()]


@dataclass(frozen=True, slots=True)
class MailServer:
    """The server that e-mail is sent through; without a host none is sent.

    ``tls`` from the first byte, or ``starttls``.
    """

    host: str = ""
    port: int = 25
    user: str = ""
    password: str = field(default="", repr=False)
    tls: bool = False
    starttls: bool = False


_MAIL_SCHEMES = {"smtp": 25, "smtp+tls": 587, "smtps": 465}


def mail_server(url: str) -> MailServer:
    """Return the server of a mail URL: smtp://host:25, smtp+tls://user:password@host:587,
    smtps://user:password@host:465.

    Raises BadSetting for any other URL.
    """
    if not url:
        return MailServer()
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadSetting(f"CUSTODY_EMAIL_URL cannot be read: {error}") from error
    if parts.scheme not in _MAIL_SCHEMES or not parts.hostname or parts.path.strip("/") or parts.query:
        msg = f"CUSTODY_EMAIL_URL must be {', '.join(_MAIL_SCHEMES)}://[user:password@]host[:port]"
        raise BadSetting(msg)
    return MailServer(
        host=parts.hostname,
        port=port or _MAIL_SCHEMES[parts.scheme],
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        tls=parts.scheme == "smtps",
        starttls=parts.scheme == "smtp+tls",
    )


def relying_party(rp_id: str, origins: list[str], base_url: str) -> tuple[str, list[str]]:
    """Return the host name that passkeys belong to, and the origins of the pages that may ask for them.

    Without ``rp_id`` or ``origins`` they are those of ``base_url``, or of http://localhost:8080. Raises BadSetting for
    an origin that a browser would refuse.
    """
    parts = urlsplit(base_url or "http://localhost:8080")
    rp_id, origins = rp_id or parts.hostname or "localhost", origins or [f"{parts.scheme}://{parts.netloc}"]
    for origin in origins:
        parts = urlsplit(origin)
        host = parts.hostname or ""
        is_origin = origin == f"{parts.scheme}://{parts.netloc}" and f".{host}".endswith(f".{rp_id}")
        if not is_origin or parts.scheme not in {"https", "http"}:
            msg = f"CUSTODY_PASSKEY_ORIGINS must be addresses such as https://{rp_id}, without a path, not {origin!r}"
            raise BadSetting(msg)
    return rp_id, origins


def data_dir() -> Path:
    """Return the data directory, which holds all state: database, artifacts, keys, logs."""
    return Path(text("CUSTODY_DATA") or BASE_DIR / "var").resolve()


def runtime_dir(data: Path) -> Path:
    """Return the directory for sockets: in the data directory, or in the temporary directory where that path is too
    long.
    """
    inside = data / "run"
    if len(str(inside / "valkey.sock")) < _SOCKET_PATH_LIMIT:
        return inside
    tag = hashlib.sha256(str(data).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"custody-{os.getuid()}-{tag}"


def secret_key_file(data: Path) -> Path:
    """Return the path of the secret key in a data directory."""
    return data / "keys" / "secret_key"


def secret_key(data: Path) -> str:
    """Return ``CUSTODY_SECRET_KEY`` or else the key in the data directory; "" before the first start has made one.

    Raises BadSetting where the file cannot be read.
    """
    if configured := text("CUSTODY_SECRET_KEY"):
        return configured
    path = secret_key_file(data)
    try:
        return path.read_text(encoding="utf-8").strip()
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except (OSError, UnicodeDecodeError) as error:
        msg = f"The secret key in {path} cannot be read: {error}"
        raise BadSetting(msg) from error
