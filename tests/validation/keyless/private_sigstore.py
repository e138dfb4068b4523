"""A private Sigstore: a certificate authority with its certificate log, a transparency log, and their trusted root.

Everything that sigstore-python verifies is made as the public services make it: a certificate with an embedded
timestamp of the certificate log (RFC 6962), and a log entry with an inclusion proof, a signed checkpoint and a promise.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import json
import struct
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

SIGNED_AT = datetime.datetime(2026, 3, 4, 12, 0, tzinfo=datetime.UTC)
PAYLOAD_TYPE = "application/vnd.in-toto+json"
_ISSUER = ObjectIdentifier("1.3.6.1.4.1.57264.1.8")
_SCT_LIST = ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
_SHA256_ECDSA = bytes((4, 3))
_VALIDITY = datetime.timedelta(minutes=10)
_YEARS = datetime.timedelta(days=3650)

Key = ec.EllipticCurvePrivateKey


def new_key() -> Key:
    return ec.generate_private_key(ec.SECP256R1())


def spki(key: Key) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def key_id(key: Key) -> bytes:
    return hashlib.sha256(spki(key)).digest()


def sign(key: Key, data: bytes) -> bytes:
    return key.sign(data, ec.ECDSA(hashes.SHA256()))


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


@dataclass
class PrivateSigstore:
    """The services, each with its key. ``timestamp_chain``: the certificates of a time stamping authority, in DER."""

    root_key: Key = field(default_factory=new_key)
    ca_key: Key = field(default_factory=new_key)
    ct_key: Key = field(default_factory=new_key)
    rekor_key: Key = field(default_factory=new_key)
    timestamp_chain: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        self.root = _authority("Test root", self.root_key, "Test root", self.root_key)
        self.ca = _authority("Test intermediate", self.ca_key, "Test root", self.root_key)

    def trusted_root(self) -> dict[str, Any]:
        """Return the content of trusted_root.json."""
        subject = {"organization": "test", "commonName": "test"}
        start = {"start": "2020-01-01T00:00:00Z"}

        def log(url: str, key: Key) -> dict[str, Any]:
            return {
                "baseUrl": url,
                "hashAlgorithm": "SHA2_256",
                "publicKey": {"rawBytes": b64(spki(key)), "keyDetails": "PKIX_ECDSA_P256_SHA_256", "validFor": start},
                "logId": {"keyId": b64(key_id(key))},
            }

        def authority(*chain: bytes) -> dict[str, Any]:
            listed = {"certificates": [{"rawBytes": b64(certificate)} for certificate in chain]}
            return {"subject": subject, "uri": "https://ca.example", "certChain": listed, "validFor": start}

        chain = [certificate.public_bytes(Encoding.DER) for certificate in (self.ca, self.root)]
        return {
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [log("https://rekor.example", self.rekor_key)],
            "certificateAuthorities": [authority(*chain)],
            "ctlogs": [log("https://ct.example", self.ct_key)],
            "timestampAuthorities": [authority(*self.timestamp_chain)] if self.timestamp_chain else [],
        }

    def certificate(
        self,
        key: Key | ed25519.Ed25519PrivateKey,
        identity: x509.GeneralName,
        issuer: str | None,
        *,
        at: datetime.datetime = SIGNED_AT,
        with_sct: bool = True,
        usage: ObjectIdentifier = ExtendedKeyUsageOID.CODE_SIGNING,
    ) -> x509.Certificate:
        """Return a certificate for an identity, valid for ten minutes from ``at``, logged in the certificate log."""
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(self.ca.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(at - datetime.timedelta(seconds=5))
            .not_valid_after(at + _VALIDITY)
            .add_extension(_usage(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.ca_key.public_key()), critical=False)
            .add_extension(x509.SubjectAlternativeName([identity]), critical=True)
        )
        if issuer is not None:
            value = asn1.encode_der(issuer)
            builder = builder.add_extension(x509.UnrecognizedExtension(_ISSUER, value), critical=False)
        if with_sct:
            logged = builder.sign(self.ca_key, hashes.SHA256()).tbs_certificate_bytes
            value = self._certificate_timestamps(logged, at)
            builder = builder.add_extension(x509.UnrecognizedExtension(_SCT_LIST, value), critical=False)
        return builder.sign(self.ca_key, hashes.SHA256())

    def _certificate_timestamps(self, tbs: bytes, at: datetime.datetime) -> bytes:
        """Return the extension with one signed certificate timestamp (RFC 6962, 3.2 and 3.3)."""
        time = int(at.timestamp() * 1000)
        entry = key_id(self.ca_key) + len(tbs).to_bytes(3) + tbs
        signature = sign(self.ct_key, struct.pack("!BBQH", 0, 0, time, 1) + entry + b"\0\0")
        head = struct.pack("!B32sQH", 0, key_id(self.ct_key), time, 0)
        timestamp = head + _SHA256_ECDSA + len(signature).to_bytes(2) + signature
        listed = len(timestamp).to_bytes(2) + timestamp
        listed = len(listed).to_bytes(2) + listed
        return asn1.encode_der(listed)

    def log_entry(
        self, certificate: x509.Certificate, payload: bytes, signature: bytes, *, at: datetime.datetime, promise: bool
    ) -> dict[str, Any]:
        """Return the entry of a signed statement in the transparency log, the second of three entries."""
        body = _canonical(
            {
                "apiVersion": "0.0.1",
                "kind": "dsse",
                "spec": {
                    "envelopeHash": {"algorithm": "sha256", "value": hashlib.sha256(signature).hexdigest()},
                    "payloadHash": {"algorithm": "sha256", "value": hashlib.sha256(payload).hexdigest()},
                    "signatures": [
                        {"signature": b64(signature), "verifier": b64(certificate.public_bytes(Encoding.PEM))}
                    ],
                },
            }
        )
        first, second, third = (hashlib.sha256(b"\0" + leaf).digest() for leaf in (b"first", body, b"third"))
        root = _node(_node(first, second), third)
        note = f"rekor.example - 1\n3\n{b64(root)}\n"
        note_signature = b64(key_id(self.rekor_key)[:4] + sign(self.rekor_key, note.encode()))
        time = int(at.timestamp())
        promised = {"body": b64(body), "integratedTime": time, "logID": key_id(self.rekor_key).hex(), "logIndex": 1}
        entry: dict[str, Any] = {
            "logIndex": "1",
            "logId": {"keyId": b64(key_id(self.rekor_key))},
            "kindVersion": {"kind": "dsse", "version": "0.0.1"},
            "integratedTime": str(time),
            "inclusionPromise": {"signedEntryTimestamp": b64(sign(self.rekor_key, _canonical(promised)))},
            "inclusionProof": {
                "logIndex": "1",
                "rootHash": b64(root),
                "treeSize": "3",
                "hashes": [b64(first), b64(third)],
                "checkpoint": {"envelope": f"{note}\n— rekor.example {note_signature}\n"},
            },
            "canonicalizedBody": b64(body),
        }
        if not promise:
            del entry["inclusionPromise"]
        return entry


def sign_statement(key: Key, payload: bytes, kind: str = PAYLOAD_TYPE) -> bytes:
    """Return the signature of a DSSE envelope."""
    return sign(key, b"DSSEv1 %d %b %d %b" % (len(kind), kind.encode(), len(payload), payload))


def make_bundle(
    certificate: x509.Certificate, payload: bytes, signature: bytes, entries: list[dict[str, Any]]
) -> dict[str, Any]:
    """Return a Sigstore bundle of version 0.3."""
    return {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {
            "certificate": {"rawBytes": b64(certificate.public_bytes(Encoding.DER))},
            "tlogEntries": entries,
        },
        "dsseEnvelope": {
            "payload": b64(payload),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"sig": b64(signature)}],
        },
    }


def _authority(name: str, key: Key, issuer: str, issuer_key: Key) -> x509.Certificate:
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(SIGNED_AT - _YEARS)
        .not_valid_after(SIGNED_AT + _YEARS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None if key is issuer_key else 0), critical=True)
        .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        .sign(issuer_key, hashes.SHA256())
    )


def _usage(**given: bool) -> x509.KeyUsage:
    names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    more = ("key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
    return x509.KeyUsage(**{name: given.get(name, False) for name in (*names, *more)})


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


def _canonical(body: dict[str, Any]) -> bytes:
    """Return RFC 8785 JSON of texts and whole numbers."""
    return json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
