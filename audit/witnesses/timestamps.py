"""A witness that is a time stamping authority (RFC 3161): it signs that a checkpoint existed at a time."""

from __future__ import annotations

import http
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from cryptography import x509

from audit.transparency.state import published
from audit.transparency.tiles import write_durably
from audit.verifier.audit_verify import Checkpoint
from audit.witnesses.interface import WitnessFailed, post

_PAUSE_SECONDS = 30.0
_QUERY, _REPLY = "application/timestamp-query", "application/timestamp-reply"


@dataclass(frozen=True, slots=True)
class TimestampWitness:
    """A time stamping authority and a PEM file with its trusted root certificates.

    Its answers are files beside the checkpoint, `timestamps/<size>.tsr` with the stamped checkpoint in
    `timestamps/<size>.txt`, which `openssl ts -verify` reads. The authority stores no checkpoint, so this witness never
    raises WitnessContradicts.
    """

    name: str
    url: str
    roots: Path
    pause: float = _PAUSE_SECONDS

    def keep(self, checkpoint: Checkpoint) -> bytes:
        """Request a time stamp of the checkpoint, verify it and store it. Raises WitnessFailed."""
        client = import_module("rfc3161_client")
        builder = client.TimestampRequestBuilder().data(checkpoint.note).hash_algorithm(client.HashAlgorithm.SHA256)
        request = builder.nonce(nonce=True).cert_request(cert_request=True).build()
        status, kind, body = post(self.name, self.url, request.as_bytes(), _QUERY)
        if status != http.HTTPStatus.OK or kind.partition(";")[0].strip() != _REPLY:
            raise WitnessFailed(f"{self.name} answers {status} with {kind or 'no content type'}.")
        try:
            self._verifier(client, request).verify_message(client.decode_timestamp_response(body), checkpoint.note)
        except (OSError, ValueError, client.VerificationError) as error:
            raise WitnessFailed(f"{self.name}: the time stamp is not valid: {error}") from error
        folder = published(checkpoint.origin).folder / "timestamps"
        write_durably(folder / f"{checkpoint.size:019d}.txt", checkpoint.note)
        write_durably(folder / f"{checkpoint.size:019d}.tsr", body)
        return b""

    def _verifier(self, client: Any, request: Any) -> Any:
        builder = client.VerifierBuilder.from_request(request)
        for certificate in x509.load_pem_x509_certificates(self.roots.read_bytes()):
            builder = builder.add_root_certificate(certificate)
        return builder.build()


def newest_timestamp(origin: str, largest: int) -> tuple[bytes, bytes] | None:
    """Return the newest stamped checkpoint of at most ``largest`` events and its stamp; None where there is none."""
    folder = published(origin).folder / "timestamps"
    stamps = [path for path in folder.glob("*.tsr") if int(path.stem) <= largest]
    newest = max(stamps, default=None)
    return (newest.with_suffix(".txt").read_bytes(), newest.read_bytes()) if newest else None
