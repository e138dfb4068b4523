"""Signatures of OpenSSF Model Signing (`model_signing sign`): the signer of a folder, and the signed files.

A signature file is a Sigstore bundle: a DSSE envelope around an in-toto statement that lists the SHA-256 of every file.
The store has these digests, so no file is read. The keys are those that the tool supports: on NIST curves. Signatures
with an identity instead of a key are verified in keyless.py.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
    load_pem_public_key,
)

from core.errors import InvalidInput

PREDICATE = "https://model_signing/signature/v1.0"
_PAYLOAD = "application/vnd.in-toto+json"
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "secp256r1": hashes.SHA256(),
    "secp384r1": hashes.SHA384(),
    "secp521r1": hashes.SHA512(),
}
# Files that the tool does not sign, besides the signature file.
_UNSIGNED = (".git", ".gitattributes", ".github", ".gitignore")


def read_key(text: str) -> ec.EllipticCurvePublicKey:
    """Return a public key from PEM, or from the base64 of its DER. Raises InvalidInput."""
    try:
        data = text.strip().encode("ascii")
        is_pem = data.startswith(b"-----BEGIN")
        key = load_pem_public_key(data) if is_pem else load_der_public_key(base64.b64decode(data, validate=True))
    except (ValueError, binascii.Error) as error:
        raise InvalidInput(f"{text[:40]!r}… is not a public key: give PEM, or the base64 of DER") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name not in _HASHES:
        raise InvalidInput(f"{text[:40]!r}… is not a key on one of the curves {', '.join(_HASHES)}")
    return key


def fingerprint(key: ec.EllipticCurvePublicKey) -> str:
    """Return the SHA-256 (hex) of a key's PEM, which a signature contains as its key hint."""
    return hashlib.sha256(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def signer_of(bundle: bytes, keys: Iterable[ec.EllipticCurvePublicKey]) -> tuple[str, Mapping[str, Any]]:
    """Return the fingerprint of the key that made the signature, and the signed statement.

    Raises InvalidInput for a file that is not such a bundle, and if none of the keys made the signature.
    """
    envelope, hint = _envelope(bundle)
    try:
        payload = base64.b64decode(envelope["payload"], validate=True)
        (signature,) = [base64.b64decode(entry["sig"], validate=True) for entry in envelope["signatures"]]
        kind = envelope["payloadType"]
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInput("the envelope must have a payload and exactly one signature") from error
    _require_statement(kind)
    signed = b"DSSEv1 %d %b %d %b" % (len(_PAYLOAD), _PAYLOAD.encode(), len(payload), payload)
    for key in keys:
        if _is_signed(key, signature, signed):
            return fingerprint(key), _statement(payload)
    signer = f"the key {hint[:16]}…" if hint else "an identity" if has_certificate(bundle) else "an unnamed key"
    raise InvalidInput(f"the signature was made with {signer}, which the policy does not name")


def has_certificate(bundle: bytes) -> bool:
    """Return whether a bundle names its signer by a certificate, as Sigstore does. Raises InvalidInput."""
    _envelope(bundle)
    material = json.loads(bundle).get("verificationMaterial", {})
    return any(material.get(name) for name in ("certificate", "x509CertificateChain"))


def signed_statement(kind: str, payload: bytes) -> Mapping[str, Any]:
    """Return the statement in the payload of an envelope whose signature was verified. Raises InvalidInput."""
    _require_statement(kind)
    return _statement(payload)


def _require_statement(kind: object) -> None:
    if kind != _PAYLOAD:
        raise InvalidInput(f"the signed payload is {str(kind)[:80]!r}, not an in-toto statement")


def _is_signed(key: ec.EllipticCurvePublicKey, signature: bytes, signed: bytes) -> bool:
    try:
        key.verify(signature, signed, ec.ECDSA(_HASHES[key.curve.name]))
    except InvalidSignature:
        return False
    return True


def _envelope(bundle: bytes) -> tuple[dict[str, Any], str]:
    """Return the envelope of a bundle, and its key hint, "" for none. Raises InvalidInput."""
    try:
        body = json.loads(bundle)
        envelope = body["dsseEnvelope"]
        hint = body.get("verificationMaterial", {}).get("publicKey", {}).get("hint", "")
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        raise InvalidInput("the signature file is not a Sigstore bundle with an envelope") from error
    if not isinstance(envelope, dict):
        raise InvalidInput("the signature file is not a Sigstore bundle with an envelope")
    return envelope, str(hint)


def _statement(payload: bytes) -> Mapping[str, Any]:
    try:
        statement = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise InvalidInput("the signed statement is not JSON") from error
    if not isinstance(statement, dict) or statement.get("predicateType") != PREDICATE:
        raise InvalidInput(f"the signed statement is not of the type {PREDICATE}")
    return statement


def differences(statement: Mapping[str, Any], files: Sequence[tuple[str, str]], signature_file: str) -> list[str]:
    """Return the differences of ``files`` (path, SHA-256) from the signed files: changed, missing, or not signed.

    Only the signature file itself and files of git may be unsigned. Raises InvalidInput for an invalid statement.
    """
    signed = _signed_files(statement)
    present = {path: digest for path, digest in files if path != signature_file and not _is_of_git(path)}
    changed = [f"{path} was changed" for path in sorted(signed.keys() & present) if signed[path] != present[path]]
    missing = [f"{path} is missing" for path in sorted(signed.keys() - present)]
    return [*changed, *missing, *(f"{path} is not signed" for path in sorted(present.keys() - signed.keys()))]


def _is_of_git(path: str) -> bool:
    first = path.partition("/")[0]
    return any(fnmatchcase(first, name) for name in _UNSIGNED)


def _signed_files(statement: Mapping[str, Any]) -> dict[str, str]:
    """Return the SHA-256 of each signed file, by path. Raises InvalidInput for other hashes or a wrong root digest."""
    try:
        (subject,) = statement["subject"]
        predicate = statement["predicate"]
        serialization = predicate["serialization"]
        resources = [
            (entry["name"], entry["algorithm"], bytes.fromhex(entry["digest"])) for entry in predicate["resources"]
        ]
        root = subject["digest"]["sha256"]
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInput("the signed statement does not list files with their digests") from error
    if (
        not isinstance(serialization, dict)
        or serialization.get("method") != "files"
        or any(algorithm != "sha256" for _, algorithm, _ in resources)
    ):
        raise InvalidInput("the files are signed in parts or with another hash: sign whole files with SHA-256")
    if hashlib.sha256(b"".join(digest for _, _, digest in resources)).hexdigest() != root:
        raise InvalidInput("the root digest of the signed statement is not that of its files")
    if len({name for name, _, _ in resources}) != len(resources):
        raise InvalidInput("the signed statement lists a file twice")
    return {name: digest.hex() for name, _, digest in resources}
