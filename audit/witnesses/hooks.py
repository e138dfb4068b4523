"""A witness that is any HTTP receiver: it is sent each checkpoint, which the log has signed, and answers 2xx."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import orjson

from audit.verifier.audit_verify import Checkpoint
from audit.witnesses.interface import WitnessFailed, post

_PAUSE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class HookWitness:
    """A receiver of checkpoints as JSON: `origin`, `size`, `root` (base64) and `note`, the signed checkpoint."""

    name: str
    url: str
    pause: float = _PAUSE_SECONDS

    def keep(self, checkpoint: Checkpoint) -> bytes:
        """Send the checkpoint. The receiver keeps it, so it can compare; it gives no cosignature."""
        facts = {
            "origin": checkpoint.origin,
            "size": checkpoint.size,
            "root": base64.b64encode(checkpoint.root).decode(),
            "note": checkpoint.note.decode(),
        }
        status, _, body = post(self.name, self.url, orjson.dumps(facts), "application/json")
        if not 200 <= status < 300:  # noqa: PLR2004 - the statuses that mean "taken"
            raise WitnessFailed(f"{self.name} answers {status}: {body[:200].decode('utf-8', 'replace').strip()}")
        return b""
