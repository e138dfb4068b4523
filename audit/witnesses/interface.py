"""The interface of witnesses, and its errors."""

from __future__ import annotations

import http.client
from typing import Protocol
from urllib.parse import urlsplit

from audit.transparency.proofs import TreeReader
from audit.transparency.state import published
from audit.verifier.audit_verify import Checkpoint

_TIMEOUT_SECONDS = 10.0
_LARGEST_ANSWER = 64 * 1024


class WitnessFailed(Exception):
    """A witness could not be reached, or did not store the checkpoint. The checkpoint is sent again."""


class WitnessContradicts(Exception):
    """A witness holds a tree that this log does not extend, or a larger one.

    An older state was restored, or there is a fork.
    """


class Witness(Protocol):
    """The interface of a witness."""

    @property
    def name(self) -> str:
        """Return the name that messages and pages show."""
        ...

    @property
    def pause(self) -> float:
        """Return the seconds between two checkpoints for the witness; 0 where it gets every checkpoint."""
        ...

    def keep(self, checkpoint: Checkpoint) -> bytes:
        """Send a checkpoint to the witness; return the cosignature line, if there is one.

        Raises WitnessFailed, WitnessContradicts.
        """


def require_extended(stored: Checkpoint, new: Checkpoint) -> None:
    """Raise WitnessContradicts unless the published tree of the new checkpoint extends that of the stored one."""
    if stored.size > new.size:
        raise WitnessContradicts(f"A stored checkpoint has {stored.size} events, and this log only {new.size}.")
    tree = TreeReader(published(new.origin), new.size)
    if (tree.root_at(new.size), tree.root_at(stored.size)) != (new.root, stored.root):
        raise WitnessContradicts(f"The log does not extend the stored checkpoint of {stored.size} events.")


def post(name: str, url: str, body: bytes, kind: str) -> tuple[int, str, bytes]:
    """Send a body of a content type; return status, content type and body of the answer.

    Raises WitnessFailed without an answer.
    """
    parts = urlsplit(url)
    make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = make(parts.hostname or "", parts.port, timeout=_TIMEOUT_SECONDS)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("POST", path, body, {"Content-Type": kind})
        answer = connection.getresponse()
        return answer.status, answer.getheader("Content-Type", ""), answer.read(_LARGEST_ANSWER)
    except (OSError, http.client.HTTPException) as error:
        raise WitnessFailed(f"{name} does not answer: {error}") from error
    finally:
        connection.close()
