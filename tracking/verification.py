"""Verified folders: bytes are read before a lock is taken, and their marks (times and sizes) are compared under the
lock.

A folder that is sealed cannot change in the database, and the store keeps bytes under their SHA-256 and writes them
once. Only somebody with access to the store itself can change them. Reading every byte detects that, but takes long for
a large folder. So `verify_again` reads the bytes outside of a transaction and remembers a mark of each object, which
the file system or the bucket changes whenever the object changes. `changes_since_verified` compares the marks, without
reading.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from core.errors import Unavailable
from core.outages import raise_if_outage
from tracking.artifacts import folder_files, registered_files, verify_folder
from tracking.paths import clean_folder
from tracking.store import current_store

Result = TypeVar("Result")
# Bytes can decay without a change of their mark, so a verification counts for this long (seconds).
_VALID_SECONDS = 600.0
_MOST_KEPT = 1000


class VerificationNeeded(Unavailable):
    """The files of a folder must be read before a lock is taken: they were not read yet, or something changed since."""

    def __init__(self, prefix: str) -> None:
        super().__init__("The files of the version must be verified first. Try again.")
        self.prefix = prefix


@dataclass(frozen=True, slots=True)
class _Verified:
    """A folder that was read: when, the marks of its objects by SHA-256, and the names of files that had changed."""

    at: float
    marks: dict[str, str]
    changed: list[str]


_verified: dict[str, _Verified] = {}
_lock = threading.Lock()


def verify_again(prefix: str) -> None:
    """Read every byte of a folder and remember the result. Call it outside of a transaction.

    Raises Unavailable, InvalidInput.
    """
    folder = clean_folder(prefix)
    try:
        before = _marks(folder)
        changed = verify_folder(folder)
        after = _marks(folder)
    except Exception as error:
        raise_if_outage(error)
        raise
    if after != before:
        raise Unavailable("The files of the version changed in the store while they were read. Try again.")
    with _lock:
        if len(_verified) >= _MOST_KEPT:
            _verified.clear()
        _verified[folder] = _Verified(time.monotonic(), before, changed)


def changes_since_verified(prefix: str) -> list[str]:
    """Return the names of files that differ from the sealed ones, without reading them.

    Raises VerificationNeeded, InvalidInput.
    """
    folder = clean_folder(prefix)
    verified = _verified.get(folder)
    if verified is None or time.monotonic() - verified.at > _VALID_SECONDS or _marks(folder) != verified.marks:
        raise VerificationNeeded(folder)
    stored = {name: (sha256, size) for name, sha256, size in folder_files(folder)}
    expected = registered_files(folder)
    differ = {name for name in expected.keys() | stored.keys() if expected.get(name) != stored.get(name)}
    return sorted(differ | set(verified.changed))


def with_verified_files(step: Callable[[], Result]) -> Result:
    """Return the result of a step that takes locks. Where it needs verified files, read them and repeat the step.

    Raises Unavailable.
    """
    try:
        return step()
    except VerificationNeeded as needed:
        verify_again(needed.prefix)
    return step()


def _marks(folder: str) -> dict[str, str]:
    store = current_store()
    return {sha256: store.mark(sha256) for sha256, _ in registered_files(folder).values()}
