"""Clients of witnesses: a file on another path, and a C2SP witness over HTTP (c2sp.org/tlog-witness)."""

from __future__ import annotations

import base64
import http
import re
from dataclasses import dataclass
from pathlib import Path

from audit.transparency.proofs import TreeReader
from audit.transparency.state import published
from audit.transparency.tiles import write_durably
from audit.verifier.audit_verify import (
    BadNote,
    Checkpoint,
    Key,
    cosigned_at,
    parse_checkpoint,
    split_note,
)
from audit.witnesses.interface import WitnessContradicts, WitnessFailed, post, require_extended

_BODY = "text/plain; charset=utf-8"
_SIZE = re.compile(rb"(0|[1-9][0-9]{0,18})\n?\Z")
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class FileWitness:
    """A folder on another path, such as a mounted share or write-once storage.

    Each checkpoint becomes a file that stays. Each log has a folder of its own, because a new log begins with sizes
    that the old one had.
    """

    name: str
    folder: Path
    pause: float = 0.0

    def keep(self, checkpoint: Checkpoint) -> bytes:
        """Write the checkpoint beside the earlier ones, after a comparison with the newest of them."""
        folder = self.folder / checkpoint.origin.replace("/", "_")
        try:
            newest = max(folder.glob("checkpoint-*"), default=None)
            if newest is not None:
                text = split_note(newest.read_bytes())[0]
                require_extended(parse_checkpoint(text), checkpoint)
            path = folder / f"checkpoint-{checkpoint.size:019d}"
            if not path.exists():
                write_durably(path, checkpoint.note)
        except (OSError, BadNote) as error:
            raise WitnessFailed(f"{self.folder}: {error}") from error
        return b""


@dataclass(frozen=True, slots=True)
class TlogWitness:
    """A witness that speaks the C2SP protocol, with its public key."""

    name: str
    url: str
    key: Key
    pause: float = 0.0

    def keep(self, checkpoint: Checkpoint) -> bytes:
        """Send the checkpoint, with a proof that it extends the witness's newest one; return the cosignature line."""
        old = 0
        for _ in range(_ATTEMPTS):
            proof = TreeReader(published(checkpoint.origin), checkpoint.size).consistency(old)
            status, kind, body = post(
                self.name, f"{self.url.rstrip('/')}/add-checkpoint", _submission(old, proof, checkpoint.note), _BODY
            )
            if status == http.HTTPStatus.OK:
                return self._cosignature(checkpoint, body)
            held = _SIZE.match(body)
            if status != http.HTTPStatus.CONFLICT or kind != "text/x.tlog.size" or held is None:
                self._refuse(status, body)
            old = int(held[1]) if held else 0
            if old > checkpoint.size:
                raise WitnessContradicts(f"{self.name} holds {old} events, and this log only {checkpoint.size}.")
        raise WitnessFailed(f"{self.name} has a newer checkpoint after each request.")

    def _cosignature(self, checkpoint: Checkpoint, body: bytes) -> bytes:
        try:
            cosigned_at(checkpoint.note + body, self.key)
        except BadNote as error:
            raise WitnessFailed(f"{self.name}: {error}") from error
        return body

    def _refuse(self, status: int, body: bytes) -> None:
        message = f"{self.name} answers {status}: {body[:200].decode('utf-8', 'replace').strip()}"
        if status in (http.HTTPStatus.CONFLICT, http.HTTPStatus.UNPROCESSABLE_ENTITY):
            raise WitnessContradicts(message)
        raise WitnessFailed(message)


def _submission(old: int, proof: list[bytes], note: bytes) -> bytes:
    lines = [f"old {old}", *(base64.b64encode(value).decode() for value in proof), "", ""]
    return "\n".join(lines).encode() + note
