"""Options for browsers, and verification of their answers, by the rules of WebAuthn. No database.

User verification (a fingerprint, a PIN) is always required. The keys are ES256, EdDSA or RS256, which the offline
verifier reads too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url, parse_authentication_credential_json
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    CredentialDeviceType,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from core.errors import InvalidInput

RP_NAME = "Custody"
_TIMEOUT_MS = 120_000
_ALGORITHMS = [
    COSEAlgorithmIdentifier.ECDSA_SHA_256,
    COSEAlgorithmIdentifier.EDDSA,
    COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256,
]
# An audit event holds texts of up to 1,000 characters whole. What browsers send is far shorter.
_MOST_ANSWER, _MOST_PART = 20_000, 700
# The library raises these for an answer that it cannot read; it lets errors of its parsers through.
_UNREADABLE = (WebAuthnException, ValueError, TypeError, KeyError, AttributeError, IndexError)


@dataclass(frozen=True, slots=True)
class NewCredential:
    """A credential that a browser made. ``credential_id`` and ``public_key`` (COSE) are base64url without padding."""

    credential_id: str
    public_key: str
    aaguid: str
    synced: bool
    sign_count: int


@dataclass(frozen=True, slots=True)
class SignedAnswer:
    """The parts of an assertion, as base64url without padding, and the sign count that it states.

    ``synced``: the device says that it may copy the private key to others.
    """

    credential_id: str
    authenticator_data: str
    client_data: str
    signature: str
    sign_count: int
    synced: bool


def creation_options(*, user_id: int, username: str, challenge: bytes, enrolled_ids: Iterable[str]) -> str:
    """Return the options for `navigator.credentials.create` as JSON, without the passkeys that are enrolled."""
    return options_to_json(
        generate_registration_options(
            rp_id=settings.PASSKEY_RP_ID,
            rp_name=RP_NAME,
            user_id=str(user_id).encode(),
            user_name=username,
            challenge=challenge,
            timeout=_TIMEOUT_MS,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.PREFERRED, user_verification=UserVerificationRequirement.REQUIRED
            ),
            exclude_credentials=_descriptors(enrolled_ids),
            supported_pub_key_algs=_ALGORITHMS,
        )
    )


def request_options(*, challenge: bytes, allowed: Iterable[str]) -> dict[str, Any]:
    """Return the options for `navigator.credentials.get`. ``allowed`` are the ids of the person's passkeys."""
    options = generate_authentication_options(
        rp_id=settings.PASSKEY_RP_ID,
        challenge=challenge,
        timeout=_TIMEOUT_MS,
        allow_credentials=_descriptors(allowed),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    values: dict[str, Any] = json.loads(options_to_json(options))
    return values


def verify_creation(answer: str, challenge: bytes) -> NewCredential:
    """Return the credential of an answer to `creation_options`. Raises InvalidInput for a wrong or unreadable one."""
    _require_short(answer, _MOST_ANSWER)
    try:
        verified = verify_registration_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=settings.PASSKEY_RP_ID,
            expected_origin=settings.PASSKEY_ORIGINS,
            require_user_verification=True,
            supported_pub_key_algs=_ALGORITHMS,
        )
    except _UNREADABLE as error:
        raise _refusal(error) from error
    for part in (verified.credential_id, verified.credential_public_key):
        _require_short(part, _MOST_PART)
    return NewCredential(
        credential_id=bytes_to_base64url(verified.credential_id),
        public_key=bytes_to_base64url(verified.credential_public_key),
        aaguid=verified.aaguid,
        synced=verified.credential_device_type is CredentialDeviceType.MULTI_DEVICE,
        sign_count=verified.sign_count,
    )


def credential_of(answer: str) -> str:
    """Return the id of the credential that signed an answer, unverified. Raises InvalidInput."""
    _require_short(answer, _MOST_ANSWER)
    try:
        return bytes_to_base64url(parse_authentication_credential_json(answer).raw_id)
    except _UNREADABLE as error:
        raise _refusal(error) from error


def verify_assertion(answer: str, *, challenge: bytes, public_key: str, sign_count: int) -> SignedAnswer:
    """Return the parts of an answer to `request_options` that this key signed, after a verification of the user.

    ``sign_count`` is the one that was stated before: one that does not rise is refused, unless both are 0. Raises
    InvalidInput.
    """
    try:
        credential = parse_authentication_credential_json(answer)
        verified = verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=settings.PASSKEY_RP_ID,
            expected_origin=settings.PASSKEY_ORIGINS,
            credential_public_key=base64url_to_bytes(public_key),
            credential_current_sign_count=sign_count,
            require_user_verification=True,
        )
        response = credential.response
        parts = (response.authenticator_data, response.client_data_json, response.signature)
        is_framed = json.loads(response.client_data_json).get("crossOrigin") is True
    except _UNREADABLE as error:
        raise _refusal(error) from error
    if is_framed:
        raise InvalidInput("The passkey was asked for inside a page of another site.")
    for part in parts:
        _require_short(part, _MOST_PART)
    authenticator_data, client_data, signature = (bytes_to_base64url(part) for part in parts)
    return SignedAnswer(
        credential_id=bytes_to_base64url(credential.raw_id),
        authenticator_data=authenticator_data,
        client_data=client_data,
        signature=signature,
        sign_count=verified.new_sign_count,
        synced=verified.credential_device_type is CredentialDeviceType.MULTI_DEVICE,
    )


def _descriptors(ids: Iterable[str]) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=base64url_to_bytes(each)) for each in ids]


def _require_short(value: str | bytes, most: int) -> None:
    if len(value) > most:
        raise InvalidInput(f"The answer of the passkey has a part of {len(value)} bytes. The most is {most}.")


def _refusal(error: Exception) -> InvalidInput:
    return InvalidInput(f"The answer of the passkey is refused: {str(error)[:200]}. Try again.")
