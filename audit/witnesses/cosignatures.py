"""Cosignatures of checkpoints (c2sp.org/tlog-cosignature, type 04): a witness signs the time and the note's text."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit.verifier.audit_verify import WITNESS_KEY, Key, cosigned_bytes, key_hash

_TIME_BYTES = 8


@dataclass(frozen=True, slots=True)
class Cosigner:
    """The private key of a witness."""

    name: str
    seed: bytes

    @property
    def key(self) -> Key:
        """Return the public key."""
        public = Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw()
        return Key(self.name, key_hash(self.name, WITNESS_KEY, public), public)

    @property
    def vkey(self) -> str:
        """Return the public key as text."""
        key = self.key
        return f"{key.name}+{key.hash.hex()}+{base64.b64encode(bytes([WITNESS_KEY]) + key.public).decode()}"

    def line(self, text: bytes, at: int) -> bytes:
        """Return the cosignature line of a checkpoint's text at a time in seconds."""
        signature = Ed25519PrivateKey.from_private_bytes(self.seed).sign(cosigned_bytes(text, at))
        blob = self.key.hash + at.to_bytes(_TIME_BYTES, "big") + signature
        return f"— {self.name} {base64.b64encode(blob).decode()}\n".encode()
