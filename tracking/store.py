"""Where bytes lie: under their SHA-256, written once. A client's path never reaches this module."""

from __future__ import annotations

import hashlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from audit.errors import TooLarge

CHUNK = 1024 * 1024


class ByteSource(Protocol):
    """What bytes are read from: an upload, an open file."""

    def read(self, size: int = -1, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Blob:
    """Stored bytes: SHA-256 in hex and the size in bytes."""

    sha256: str
    size: int


class ByteStore(Protocol):
    """What every kind of store offers."""

    def put(self, source: ByteSource, *, limit: int) -> Blob:
        """Store everything ``source`` yields, in chunks; raise TooLarge beyond ``limit`` bytes, storing nothing."""
        ...

    def open(self, sha256: str) -> BinaryIO:
        """Open stored bytes for reading; raise FileNotFoundError where there are none."""
        ...


class FileStore:
    """Bytes as files ``sha256/ab/cd/<digest>`` below one directory: written aside, synced, then renamed into place."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, source: ByteSource, *, limit: int) -> Blob:
        """Store a stream. Equal bytes are stored once; a crash leaves at most a file under ``incoming``."""
        incoming = self.root / "incoming"
        incoming.mkdir(parents=True, exist_ok=True)
        draft = incoming / secrets.token_hex(16)
        try:
            blob = self._write(draft, source, limit)
            self._keep(draft, blob)
        finally:
            draft.unlink(missing_ok=True)
        return blob

    def open(self, sha256: str) -> BinaryIO:
        """Open the bytes of a digest."""
        return self._place(sha256).open("rb")

    def _place(self, sha256: str) -> Path:
        return self.root / "sha256" / sha256[:2] / sha256[2:4] / sha256

    @staticmethod
    def _write(draft: Path, source: ByteSource, limit: int) -> Blob:
        digest, size = hashlib.sha256(), 0
        with draft.open("xb") as file:
            while chunk := source.read(CHUNK):
                size += len(chunk)
                if size > limit:
                    raise TooLarge(f"An artifact may hold at most {limit} bytes.")
                digest.update(chunk)
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        return Blob(digest.hexdigest(), size)

    def _keep(self, draft: Path, blob: Blob) -> None:
        place = self._place(blob.sha256)
        if place.is_file() and place.stat().st_size == blob.size:
            return
        place.parent.mkdir(parents=True, exist_ok=True)
        draft.chmod(0o440)
        draft.replace(place)
        for folder in (place.parent, place.parent.parent):
            _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    """Make a rename survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def store_for(url: str) -> ByteStore:
    """Return the store of an ``ARTIFACT_URL``; raise ImproperlyConfigured for a kind that Custody does not have."""
    parts = urlsplit(url)
    if parts.scheme != "file":
        raise ImproperlyConfigured(f"ARTIFACT_URL={url!r}: only file:///directory is supported, not {parts.scheme!r}.")
    if parts.netloc not in {"", "localhost"} or not parts.path.startswith("/"):
        raise ImproperlyConfigured(f"ARTIFACT_URL={url!r}: give an absolute directory, as in file:///srv/artifacts.")
    return FileStore(Path(unquote(parts.path)))


def current_store() -> ByteStore:
    """Return the store the settings name. Nothing is kept open, so making it costs nothing."""
    return store_for(settings.ARTIFACT_URL)
