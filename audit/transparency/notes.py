"""Signed notes of the log's key (c2sp.org/signed-note): keys as Go's sumdb writes them, and signatures."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from audit.verifier.audit_verify import BadNote, Key, decode_base64, key_hash

_PREFIX = "PRIVATE+KEY+"
_ED25519 = 1
_SEED_BYTES = 32


@dataclass(frozen=True, slots=True)
class Signer:
    """A private Ed25519 key with the name of the log that it signs."""

    name: str
    seed: bytes

    @property
    def key(self) -> Key:
        """Return the public key."""
        public = Ed25519PrivateKey.from_private_bytes(self.seed).public_key()
        raw = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        return Key(self.name, key_hash(self.name, _ED25519, raw), raw)

    @property
    def vkey(self) -> str:
        """Return the public key as text: name, hash and key, joined by plus signs."""
        return vkey_text(self.key)

    @property
    def skey(self) -> str:
        """Return the private key as text, in the form that `parse_skey` reads."""
        encoded = base64.b64encode(bytes([_ED25519]) + self.seed).decode()
        return f"{_PREFIX}{self.name}+{self.key.hash.hex()}+{encoded}"

    def line(self, text: bytes) -> bytes:
        """Return the signature line of a text, which must end with a line feed."""
        return f"— {self.name} {base64.b64encode(self.key.hash + self.sign(text)).decode()}\n".encode()

    def sign(self, message: bytes) -> bytes:
        """Return the signature of a message, 64 bytes."""
        return Ed25519PrivateKey.from_private_bytes(self.seed).sign(message)


def vkey_text(key: Key) -> str:
    """Return a public key as text."""
    return f"{key.name}+{key.hash.hex()}+{base64.b64encode(bytes([_ED25519]) + key.public).decode()}"


def new_signer(name: str) -> Signer:
    """Return a new key for a log. Raises BadNote for a name that a note cannot have."""
    if not name or "+" in name or any(letter.isspace() or not letter.isprintable() for letter in name):
        raise BadNote(f"{name!r} cannot name a log: spaces and plus signs are not allowed")
    return Signer(name, secrets.token_bytes(_SEED_BYTES))


def parse_skey(text: str) -> Signer:
    """Return the private key that a line holds. Raises BadNote."""
    name, _, key_part = text.strip().removeprefix(_PREFIX).partition("+")
    digest, _, encoded = key_part.partition("+")
    data = decode_base64(encoded)
    if not text.startswith(_PREFIX) or len(data) != _SEED_BYTES + 1 or data[0] != _ED25519:
        raise BadNote("the key is not of the form PRIVATE+KEY+name+hash+base64, or not of type Ed25519")
    signer = Signer(name, data[1:])
    if signer.key.hash.hex() != digest:
        raise BadNote("the hash in the key is not that of the key")
    return signer


def sign_note(text: bytes, signers: list[Signer]) -> bytes:
    """Return a note: a text that ends with a line feed, and a signature by each signer."""
    return text + b"\n" + b"".join(signer.line(text) for signer in signers)


def checkpoint_text(origin: str, size: int, root: bytes) -> bytes:
    """Return the text of a checkpoint (c2sp.org/tlog-checkpoint)."""
    return f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n".encode()
