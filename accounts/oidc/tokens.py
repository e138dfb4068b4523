"""Verification of ID tokens: signature, issuer, audience, times, nonce, and when the person last signed in there."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.crypto import constant_time_compare
from jwt.exceptions import PyJWTError

from accounts.oidc.configuration import IdentityProvider
from accounts.oidc.discovery import discovery_of
from accounts.oidc.signatures import LEEWAY, UnknownKey, signed_claims
from core.errors import DomainError
from core.times import from_ms

_LONGEST_SUBJECT = 191  # of the column; the specification allows 255 ASCII characters


class RejectedSignIn(DomainError):
    """A sign-in at a provider that is refused. The message is for the person, ``reason`` for the audit log."""

    code = "rejected_sign_in"

    def __init__(self, message: str, *, reason: str, username: str = "") -> None:
        super().__init__(message)
        self.reason = reason
        self.username = username


@dataclass(frozen=True, slots=True)
class Identity:
    """A person as a provider names them. ``subject`` is unique at the provider and never given to somebody else."""

    provider: IdentityProvider
    subject: str
    claims: dict[str, Any] = field(repr=False)

    @property
    def verified_email(self) -> str:
        """Return the e-mail address if the provider says that it belongs to the person, else an empty text."""
        email, verified = self.claims.get("email"), self.claims.get("email_verified")
        is_verified = verified is True or verified == "true"
        return email if is_verified and isinstance(email, str) else ""

    @property
    def groups(self) -> frozenset[str] | None:
        """Return the values of the groups claim; None where it is absent, which does not mean "in no group"."""
        value = self.claims.get(self.provider.groups_claim)
        if isinstance(value, str):
            return frozenset({value})
        if isinstance(value, list) and all(isinstance(each, str) for each in value):
            return frozenset(value)
        return None


def verify_id_token(provider: IdentityProvider, token: object, *, nonce: str) -> dict[str, Any]:
    """Return the claims of an ID token that this provider issued for this client and this attempt.

    Raises RejectedSignIn for any other token, Unavailable.
    """
    if not isinstance(token, str) or not nonce:
        raise invalid_token(provider, "there is no ID token")
    try:
        issuer = discovery_of(provider).issuer
        claims = signed_claims(provider, token, issuer=issuer, audience=provider.client_id)
    except UnknownKey as error:
        raise invalid_token(provider, "the ID token is signed by an unknown key") from error
    except PyJWTError as error:
        raise invalid_token(provider, f"the ID token is not valid ({type(error).__name__})") from error
    _verify_party(provider, claims)
    sent = claims.get("nonce")
    if not isinstance(sent, str) or not constant_time_compare(sent, nonce):
        raise invalid_token(provider, "the ID token belongs to another attempt (nonce)")
    return claims


def verify_recent(provider: IdentityProvider, claims: dict[str, Any], *, since: datetime) -> datetime:
    """Return when the person last signed in at the provider. Raises RejectedSignIn if it was before ``since``."""
    signed_in = claims.get("auth_time")
    if isinstance(signed_in, bool) or not isinstance(signed_in, int | float):
        message = f"{provider.name} does not say when you signed in (auth_time), so it cannot confirm who you are."
        raise RejectedSignIn(message, reason="no auth_time")
    latest = (timezone.now() + LEEWAY).timestamp()
    if not since.timestamp() <= signed_in <= latest:
        message = f"{provider.name} did not ask you to sign in again. Try again, and sign in there."
        raise RejectedSignIn(message, reason="the sign-in at the provider is too old (auth_time)")
    return from_ms(int(signed_in * 1000))


def invalid_token(provider: IdentityProvider, reason: str) -> RejectedSignIn:
    """Return the error for an answer of a provider that cannot be trusted. ``reason`` is for the audit log."""
    message = f"The answer of {provider.name} could not be verified, so you are not signed in. Start again."
    return RejectedSignIn(message, reason=reason)


def _verify_party(provider: IdentityProvider, claims: dict[str, Any]) -> None:
    """Refuse a token for several clients that does not name this one as its party, and one without a usable subject."""
    audience, party = claims["aud"], claims.get("azp")
    is_for_others = isinstance(audience, list) and len(audience) > 1
    if (party is not None or is_for_others) and party != provider.client_id:
        raise invalid_token(provider, "the ID token is for another client (azp)")
    subject = claims["sub"]
    # a text that is not printable may have halves of characters, which no database takes
    if not isinstance(subject, str) or not subject or len(subject) > _LONGEST_SUBJECT or not subject.isprintable():
        raise invalid_token(provider, "the subject of the ID token cannot be used")
