"""Verification of the signatures of an issuer's tokens, with the keys that it publishes now."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import jwt
from jwt.exceptions import DecodeError, InvalidSignatureError, PyJWTError

from accounts.oidc.configuration import IdentityProvider
from accounts.oidc.discovery import ALGORITHMS, newest_signing_key, signing_key

# How far the clocks of the issuer and of this server may differ.
LEEWAY = timedelta(seconds=30)
_REQUIRED = ["iss", "sub", "aud", "exp", "iat"]


class UnknownKey(PyJWTError):
    """A token that no key of the issuer has signed."""


def signed_claims(
    provider: IdentityProvider, token: str, *, issuer: str, audience: str | None = None
) -> dict[str, Any]:
    """Return the claims of a token that this issuer signed and that is valid now.

    Without ``audience`` the caller compares the audience. Raises UnknownKey and other PyJWTErrors, Unavailable.
    """
    try:
        return _signed_claims(provider, token, issuer, audience)
    except (OverflowError, RecursionError) as error:  # a time without end, JSON that is nested too deeply
        raise DecodeError("a value of the token is out of range") from error


def _signed_claims(provider: IdentityProvider, token: str, issuer: str, audience: str | None) -> dict[str, Any]:
    header = jwt.get_unverified_header(token)
    algorithm, key_id = str(header.get("alg", "")), str(header.get("kid") or "")
    key = signing_key(provider, key_id, algorithm) if algorithm in ALGORITHMS else None
    if key is None:
        raise UnknownKey
    try:
        return _decode(token, key, algorithm, issuer, audience)
    except InvalidSignatureError:
        newest = newest_signing_key(provider, key_id, algorithm)
        if newest is None:
            raise
        return _decode(token, newest, algorithm, issuer, audience)


def _decode(token: str, key: jwt.PyJWK, algorithm: str, issuer: str, audience: str | None) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(
        token,
        key,
        algorithms=[algorithm],
        audience=audience,
        issuer=issuer,
        leeway=LEEWAY,
        options={"require": _REQUIRED, "verify_aud": audience is not None},
    )
    return claims
