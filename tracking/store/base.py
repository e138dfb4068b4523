"""Interface of artifact stores. Bytes are stored once, under their SHA-256; a store never sees a client's path."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import BinaryIO, Protocol

from core.errors import TooLarge

CHUNK = 1024 * 1024
# Limits of S3: the number of parts, and the size of each but the last.
MAX_PARTS = 10_000
MIN_PART = 5 * CHUNK

Progress = Callable[[int], None]
"""Called with the number of bytes of each piece that was read."""


class ByteSource(Protocol):
    """A source of bytes: an upload, or an open file."""

    def read(self, size: int = -1, /) -> bytes:
        """Return up to ``size`` bytes (-1: all that is left), empty at the end."""
        ...


@dataclass(frozen=True, slots=True)
class Blob:
    """Stored bytes: SHA-256 in hex and the size in bytes."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Staged:
    """An object that a client sends in parts: where it is assembled, and the store's own name for the upload."""

    key: str
    upload_id: str


class ByteStore(Protocol):
    """The interface of every kind of store."""

    def put(self, source: ByteSource, *, limit: int) -> Blob:
        """Store everything ``source`` yields, in chunks; raise TooLarge beyond ``limit`` bytes, storing nothing."""
        ...

    def open(self, sha256: str) -> BinaryIO:
        """Open stored bytes for reading and seeking; raise FileNotFoundError where there are none."""
        ...

    def has(self, blob: Blob) -> bool:
        """Return whether bytes of that digest and size are there. Does not read them."""
        ...

    def mark(self, sha256: str) -> str:
        """Return a mark of stored bytes that changes whenever they change, "" for none. The bytes are not read."""
        ...

    def older_than(self, moment: datetime) -> Iterator[Blob]:
        """Yield the blobs stored before ``moment``, in no order."""
        ...

    def remove(self, blobs: Collection[Blob]) -> list[Blob]:
        """Delete bytes permanently and return the deleted ones. The caller has checked that nothing refers to them."""
        ...

    def sweep(self, moment: datetime, *, keep: Collection[str], dry_run: bool) -> int:
        """Delete the remains of uploads that did not complete before ``moment``, except ``keep``; return how many."""
        ...


class DirectStore(ByteStore, Protocol):
    """A store that clients can send bytes to, and fetch them from, without this server in between."""

    def stage(self) -> Staged:
        """Begin an upload in parts."""
        ...

    def part_url(self, staged: Staged, number: int, *, expires: timedelta) -> str:
        """Return the URL to PUT one part to."""
        ...

    def assemble(self, staged: Staged, parts: list[tuple[int, str]]) -> int:
        """Make one object of its (number, etag) parts, unless that was done; return its size.

        Raises InvalidInput: they do not fit.
        """
        ...

    def adopt(self, staged: Staged, *, progress: Progress) -> Blob:
        """Read an assembled object once, to know its digest, and move it there.

        Raises FileNotFoundError: it is gone.
        """
        ...

    def abandon(self, staged: Staged) -> None:
        """Delete an upload and all bytes that were sent for it."""
        ...

    def download_url(self, sha256: str, *, name: str, content_type: str, expires: timedelta) -> str:
        """Return a URL to GET stored bytes from, as a file called ``name``."""
        ...


class Intake:
    """Counts and hashes a stream while it is read."""

    def __init__(self, source: ByteSource, limit: int) -> None:
        self._source = source
        self._limit = limit
        self._digest = hashlib.sha256()
        self.size = 0

    def read(self, size: int) -> bytes:
        """Return at most ``size`` bytes, empty at the end; raise TooLarge beyond the limit."""
        piece = self._source.read(size)
        self.size += len(piece)
        if self.size > self._limit:
            raise TooLarge(f"An artifact may hold at most {self._limit} bytes.")
        self._digest.update(piece)
        return piece

    @property
    def blob(self) -> Blob:
        """Return digest and size of the bytes read so far."""
        return Blob(self._digest.hexdigest(), self.size)
