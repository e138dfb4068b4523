"""Signatures that Sigstore made with an identity (`model_signing sign sigstore`), verified without the network.

The library sigstore-python verifies them. CUSTODY_SIGSTORE_TRUSTED_ROOT names a file with what it trusts: the
certificate authorities, the certificate log, the transparency logs and the time stamping authorities.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat import asn1
from django.conf import settings

from core.errors import DomainError, InvalidInput

if TYPE_CHECKING:
    from sigstore.verify import Verifier

SETTING = "CUSTODY_SIGSTORE_TRUSTED_ROOT"
REQUIREMENTS = "requirements-sigstore.txt"
_ISSUER = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.8")
_LARGEST_ROOT = 8 * 1024**2
_LONGEST_REASON = 300


class SigstoreUnavailable(DomainError):
    """This server cannot verify keyless signatures: the library or the trusted root is missing or cannot be used."""

    code = "sigstore_unavailable"


@dataclass(frozen=True, slots=True)
class Identity:
    """The name of a signer (an e-mail address or a URI) and the issuer of the identity token, as certificates say."""

    identity: str
    issuer: str

    def __str__(self) -> str:
        return f"{self.identity} (issuer {self.issuer})"


@dataclass(frozen=True, slots=True)
class TrustedRoot:
    """A verifier with the trusted root that it was made from, and the SHA-256 (hex) of that file."""

    verifier: Verifier
    sha256: str


def trusted_root() -> TrustedRoot:
    """Return the operator's trusted root. Raises SigstoreUnavailable with what to configure."""
    if problem := configuration_problem():
        raise SigstoreUnavailable(f"sigstore_unavailable: {problem} The signature was not verified.")
    from sigstore.errors import Error  # noqa: PLC0415 - the library is an option
    from sigstore.models import TrustedRoot as SigstoreRoot  # noqa: PLC0415 - the library is an option
    from sigstore.verify import Verifier  # noqa: PLC0415 - the library is an option

    path = Path(settings.SIGSTORE_TRUSTED_ROOT)
    try:
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        return TrustedRoot(Verifier(trusted_root=SigstoreRoot.from_file(str(path))), sha256)
    except (Error, OSError, ValueError, TypeError, AttributeError, RecursionError, UnsupportedAlgorithm) as error:
        raise _unusable(error) from error


def configuration_problem() -> str:
    """Return the missing or wrong configuration of keyless signatures, as a sentence; "" if there is none."""
    if not settings.SIGSTORE_TRUSTED_ROOT:
        return f"{SETTING} is not set. It names the trusted_root.json of the Sigstore that signs your models."
    if find_spec("sigstore") is None:
        return f"The package sigstore is not installed: pip install -r {REQUIREMENTS}."
    try:
        size = Path(settings.SIGSTORE_TRUSTED_ROOT).stat().st_size
    except OSError as error:
        return f"{SETTING}={settings.SIGSTORE_TRUSTED_ROOT} cannot be read: {error.strerror}."
    if size > _LARGEST_ROOT:
        return f"{SETTING}={settings.SIGSTORE_TRUSTED_ROOT} has {size} bytes, more than {_LARGEST_ROOT}."
    return ""


def _unusable(error: Exception) -> SigstoreUnavailable:
    return SigstoreUnavailable(
        f"sigstore_unavailable: {SETTING}={settings.SIGSTORE_TRUSTED_ROOT} is not a trusted root that can be used:"
        f" {_reason(error)}. The signature was not verified."
    )


@dataclass(slots=True)
class _Named:
    """A policy of sigstore-python: the certificate must name one of the identities. ``signer`` is that identity."""

    identities: Sequence[Identity]
    signer: Identity | None = field(default=None)

    def verify(self, cert: x509.Certificate) -> None:
        """Raise VerificationError if the certificate names none of the identities."""
        from sigstore.errors import VerificationError  # noqa: PLC0415 - the library is an option

        actual = sorted(_subjects(cert)), _issuer(cert)
        for each in self.identities:
            if each.identity in actual[0] and each.issuer == actual[1]:
                self.signer = each
                return
        who = f"{', '.join(actual[0]) or 'nobody'} (issuer {actual[1] or 'unknown'})"
        raise VerificationError(f"it was signed by {who}, whom the policy does not name")


def verify_keyless(bundle: bytes, identities: Sequence[Identity], root: TrustedRoot) -> tuple[Identity, str, bytes]:
    """Return the identity that signed a bundle, the type of the signed payload, and the payload.

    Raises InvalidInput if the bundle is not valid under the trusted root, or was signed by another identity, and
    SigstoreUnavailable if the trusted root lacks something.
    """
    from sigstore.errors import Error, MetadataError  # noqa: PLC0415 - the library is an option
    from sigstore.models import Bundle  # noqa: PLC0415 - the library is an option

    named = _Named(identities)
    try:
        kind, payload = root.verifier.verify_dsse(Bundle.from_json(bundle), named)
    except MetadataError as error:
        raise _unusable(error) from error
    except (
        Error,
        ValueError,
        TypeError,
        AttributeError,
        LookupError,
        RecursionError,
        OverflowError,
        UnsupportedAlgorithm,
        x509.ExtensionNotFound,
        x509.DuplicateExtension,
        x509.UnsupportedGeneralNameType,
        x509.InvalidVersion,
    ) as error:
        raise InvalidInput(f"Sigstore's rules refuse the signature: {_reason(error)}") from error
    if named.signer is None:
        raise InvalidInput("the identity of the signer was not verified")
    return named.signer, kind, payload


def _subjects(cert: x509.Certificate) -> set[str]:
    """Return the e-mail addresses and URIs that a certificate is made out to."""
    try:
        names = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return set()
    emails = names.get_values_for_type(x509.RFC822Name)
    return {*emails, *names.get_values_for_type(x509.UniformResourceIdentifier)}


def _issuer(cert: x509.Certificate) -> str:
    """Return the issuer of the identity token; "" if the certificate does not name it. Raises ValueError."""
    try:
        extension = cert.extensions.get_extension_for_oid(_ISSUER).value
    except x509.ExtensionNotFound:
        return ""
    value = extension.value if isinstance(extension, x509.UnrecognizedExtension) else b""
    return str(asn1.decode_der(str, value))


def _reason(error: Exception) -> str:
    """Return the message of an error of the library on one line, shortened, without a full stop at its end."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text[:_LONGEST_REASON].rstrip(". ")
