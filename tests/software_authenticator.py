"""An authenticator in software: it answers the options of WebAuthn as a browser with a security key does."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

RP_ID, ORIGIN = "localhost", "http://localhost:8080"
PRESENT, VERIFIED, MAY_SYNC, SYNCED, WITH_KEY = 0x01, 0x04, 0x08, 0x10, 0x40
ES256, EDDSA, RS256 = -7, -8, -257
PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def new_key(algorithm: int) -> PrivateKey:
    if algorithm == ES256:
        return ec.generate_private_key(ec.SECP256R1())
    if algorithm == EDDSA:
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(65537, 2048)


@dataclass
class Authenticator:
    """One credential on one device. The flags, the origin and the host name can be set to wrong ones."""

    algorithm: int = ES256
    flags: int = PRESENT | VERIFIED
    origin: str = ORIGIN
    rp_id: str = RP_ID
    sign_count: int = 0
    counts: bool = True
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    more_client_data: Mapping[str, object] = field(default_factory=dict)
    key: PrivateKey = field(init=False)

    def __post_init__(self) -> None:
        self.key = new_key(self.algorithm)

    @property
    def public_key(self) -> bytes:
        """The public key as COSE."""
        public: Any = self.key.public_key()
        if self.algorithm == ES256:
            numbers = public.public_numbers()
            point = {-1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
            return cbor2.dumps({1: 2, 3: ES256} | point)
        if self.algorithm == EDDSA:
            return cbor2.dumps({1: 1, 3: EDDSA, -1: 6, -2: public.public_bytes_raw()})
        numbers = public.public_numbers()
        return cbor2.dumps({1: 3, 3: RS256, -1: numbers.n.to_bytes(256, "big"), -2: numbers.e.to_bytes(3, "big")})

    def create(self, options: str | Mapping[str, Any]) -> str:
        """Answer `navigator.credentials.create`."""
        chosen = json.loads(options) if isinstance(options, str) else options
        attested = b"\x00" * 16 + len(self.credential_id).to_bytes(2, "big") + self.credential_id + self.public_key
        data = self._authenticator_data(self.flags | WITH_KEY) + attested
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        client_data = self._client_data("webauthn.create", chosen["challenge"])
        return self._answer({"attestationObject": base64url(attestation), "clientDataJSON": base64url(client_data)})

    def sign(self, options: str | Mapping[str, Any]) -> str:
        """Answer `navigator.credentials.get`."""
        chosen = json.loads(options) if isinstance(options, str) else options
        self.sign_count += self.counts
        data = self._authenticator_data(self.flags)
        client_data = self._client_data("webauthn.get", chosen["challenge"])
        signature = self._signature(data + hashlib.sha256(client_data).digest())
        parts = {"authenticatorData": data, "clientDataJSON": client_data, "signature": signature}
        return self._answer({name: base64url(part) for name, part in parts.items()})

    def _authenticator_data(self, flags: int) -> bytes:
        return hashlib.sha256(self.rp_id.encode()).digest() + bytes([flags]) + self.sign_count.to_bytes(4, "big")

    def _client_data(self, kind: str, challenge: str) -> bytes:
        values = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        return json.dumps(values | dict(self.more_client_data)).encode()

    def _signature(self, data: bytes) -> bytes:
        if isinstance(self.key, ec.EllipticCurvePrivateKey):
            return self.key.sign(data, ec.ECDSA(hashes.SHA256()))
        if isinstance(self.key, ed25519.Ed25519PrivateKey):
            return self.key.sign(data)
        return self.key.sign(data, padding.PKCS1v15(), hashes.SHA256())

    def _answer(self, response: dict[str, str]) -> str:
        name = base64url(self.credential_id)
        return json.dumps(
            {"id": name, "rawId": name, "type": "public-key", "response": response, "clientExtensionResults": {}}
        )
