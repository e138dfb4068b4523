"""Parsing the signed envelope of an external check result. Nothing is verified here.

The envelope is DSSE (github.com/secure-systems-lab/dsse), as for in-toto attestations. The signature covers the exact
bytes of the payload and its type, so neither side needs a canonical form. The payload is JSON:

    {"check_run": 12, "inputs_digest": "…", "artifact_digest": "sha256:…", "passed": true, "summary": "…",
     "evidence": {…}, "timestamp": "2026-11-25T23:00:00Z", "nonce": "…"}
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime

from core.errors import InvalidInput

PAYLOAD_TYPE = "application/vnd.custody.check-result+json"
MAX_PAYLOAD = 256_000
_MAX_SUMMARY = 1000
_LONGEST_SIGNATURE = 100
_NONCE = re.compile(r"[A-Za-z0-9_.-]{8,100}")
_TEXTS = ("artifact_digest", "inputs_digest", "nonce", "summary", "timestamp")
_FIELDS = frozenset({*_TEXTS, "check_run", "evidence", "passed"})


@dataclass(frozen=True, slots=True)
class PostedResult:
    """The content of an envelope: the payload as it was signed (``raw``), its fields, the key name, the signature."""

    raw: bytes
    key_name: str
    signature: str
    check_run: int
    inputs_digest: str
    artifact_digest: str
    passed: bool
    summary: str
    evidence: Mapping[str, object]
    at: datetime
    nonce: str

    @property
    def signed(self) -> bytes:
        """Return the bytes that the signature covers."""
        return signed_bytes(self.raw)


def signed_bytes(payload: bytes) -> bytes:
    """Return the bytes that a signature of a payload covers: type and payload, each after its length (DSSE's PAE)."""
    kind = PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def read_envelope(envelope: Mapping[str, object]) -> PostedResult:
    """Return the content of an envelope without verifying it. Raises InvalidInput with the first problem."""
    signatures = envelope.get("signatures")
    if envelope.get("payloadType") != PAYLOAD_TYPE:
        raise InvalidInput(f"payloadType must be {PAYLOAD_TYPE}.")
    if not isinstance(signatures, list) or len(signatures) != 1 or not isinstance(signatures[0], Mapping):
        raise InvalidInput("signatures must have exactly one {keyid, sig}.")
    raw = _decoded(envelope.get("payload"))
    payload = _parsed(raw)
    key_name, signature = signatures[0].get("keyid"), signatures[0].get("sig")
    if not isinstance(key_name, str) or not isinstance(signature, str) or len(signature) > _LONGEST_SIGNATURE:
        raise InvalidInput("signatures[0] must have keyid and sig.")
    at = _moment(payload.pop("timestamp"))
    return PostedResult(raw=raw, key_name=key_name.replace("\x00", ""), signature=signature, at=at, **payload)


def _decoded(payload: object) -> bytes:
    if not isinstance(payload, str) or len(payload) > MAX_PAYLOAD * 2:
        raise InvalidInput("payload must be base64.")
    try:
        raw = base64.b64decode(payload, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInput("payload must be base64.") from error
    if len(raw) > MAX_PAYLOAD:
        raise InvalidInput(f"A result may have at most {MAX_PAYLOAD} bytes.")
    return raw


def _parsed(raw: bytes) -> dict[str, Any]:
    """Return the fields of a payload, each of its type."""
    try:
        payload = json.loads(raw.decode("utf-8"))
        json.dumps(payload, ensure_ascii=False).encode("utf-8")  # refuses a lone surrogate
    except (ValueError, RecursionError) as error:
        raise InvalidInput("The payload is not JSON in UTF-8.") from error
    if not isinstance(payload, dict) or set(payload) != _FIELDS:
        raise InvalidInput(f"The payload must have exactly {', '.join(sorted(_FIELDS))}.")
    if b"\\u0000" in raw:
        raise InvalidInput("The payload contains a NUL character.")
    _require_types(payload)
    return payload


def _require_types(payload: Mapping[str, Any]) -> None:
    if wrong := [name for name in _TEXTS if not isinstance(payload[name], str)]:
        raise InvalidInput(f"{wrong[0]} must be a text.")
    if not isinstance(payload["passed"], bool) or not isinstance(payload["evidence"], dict):
        raise InvalidInput("passed must be true or false, and evidence an object.")
    if isinstance(payload["check_run"], bool) or not isinstance(payload["check_run"], int):
        raise InvalidInput("check_run must be a number.")
    if not payload["summary"].strip() or len(payload["summary"]) > _MAX_SUMMARY:
        raise InvalidInput(f"summary must have 1 to {_MAX_SUMMARY} characters.")
    if not _NONCE.fullmatch(payload["nonce"]):
        raise InvalidInput("nonce must be 8 to 100 letters, digits, dots, dashes or underscores.")


def _moment(text: str) -> datetime:
    try:
        moment = parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InvalidInput("timestamp must be ISO 8601 with its offset from UTC.")
    return moment
