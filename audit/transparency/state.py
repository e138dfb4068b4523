"""The last signed checkpoint, kept outside the database: the signer signs nothing that does not extend it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from audit.transparency.tiles import TileFolder, write_durably

STATE_FILE = "state.json"


class StateUnreadable(Exception):
    """The state file is there and cannot be read. The message says why."""


@dataclass(frozen=True, slots=True)
class SignedState:
    """The newest tree that was signed: the origin of the log, the number of leaves, and the root."""

    origin: str
    size: int
    root: bytes


def state_folder() -> Path:
    """Return the folder of the signer's state and of the published files: CUSTODY_LOG_STATE."""
    return Path(settings.LOG_STATE)


def published(origin: str) -> TileFolder:
    """Return the folder of the published files of a log. Each log has its own, earlier logs included."""
    return TileFolder(state_folder() / "logs" / origin.replace("/", "_"))


def read_state() -> SignedState | None:
    """Return the state, None where nothing was ever signed with this folder. Raises StateUnreadable."""
    try:
        stored = json.loads((state_folder() / STATE_FILE).read_bytes())
        return SignedState(str(stored["origin"]), int(stored["size"]), bytes.fromhex(stored["root"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StateUnreadable(f"{state_folder() / STATE_FILE} cannot be read: {error}") from error


def write_state(state: SignedState) -> None:
    """Write the state durably."""
    stored = {"origin": state.origin, "size": state.size, "root": state.root.hex()}
    write_durably(state_folder() / STATE_FILE, (json.dumps(stored, sort_keys=True) + "\n").encode())


@contextlib.contextmanager
def sequencer_lock() -> Iterator[bool]:
    """Take the lock of the folder for the block; yield whether this process got it, and so is the active sequencer."""
    folder = state_folder()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(descriptor)
