"""Identity tokens of jobs: read without trust to find their issuer, then verified with the keys that it publishes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import jwt
from django.conf import settings
from django.utils import timezone
from jwt.exceptions import PyJWTError

from accounts.models import TrustedPublisher
from accounts.oidc.configuration import IdentityProvider
from accounts.oidc.discovery import issuer_keys
from accounts.oidc.signatures import UnknownKey, signed_claims
from core.errors import DomainError, Unavailable
from core.times import from_ms

MAX_TOKEN = 16_000
# An identity token that is valid for longer is a stored secret.
MAX_LIFE = timedelta(days=1, minutes=1)
_LATEST = 2**33  # of a time in seconds, so that it can be converted
_LONGEST_FACT = 300


class RefusedExchange(DomainError):
    """An exchange that is refused. ``code`` is an error code of OAuth (RFC 8693, section 2.2.2).

    ``facts`` are for the audit log, ``username`` is the service account where it is known.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "invalid_request",
        username: str = "",
        facts: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.username = username
        self.facts = dict(facts or {})


@dataclass(frozen=True, slots=True)
class IdentityToken:
    """A verified identity token. ``digest`` is the SHA-256 of the token, ``proof`` that of its issuer and id."""

    issuer: str
    claims: dict[str, Any] = field(repr=False)
    digest: str
    proof: str
    expires_at: datetime

    @property
    def facts(self) -> dict[str, object]:
        """Return issuer, subject and digest of the token, for the audit log."""
        return {"issuer": self.issuer, "subject": plain_text(self.claims["sub"]), "token_digest": self.digest}


def verify_identity_token(token: str) -> IdentityToken:
    """Return the claims of an identity token of an issuer that a rule names.

    Raises RefusedExchange for any other token, Unavailable where the issuer does not answer.
    """
    issuer, facts = _unverified_issuer(token)
    provider = IdentityProvider(id="", name=issuer, url=issuer, client_id="")
    try:
        claims = signed_claims(provider, token, issuer=issuer_keys(provider).issuer)
    except UnknownKey as error:
        raise RefusedExchange("The identity token is signed by an unknown key.", facts=facts) from error
    except PyJWTError as error:
        message = f"The identity token is not valid ({type(error).__name__})."
        raise RefusedExchange(message, facts=facts) from error
    except Unavailable as error:
        raise Unavailable("The issuer of the identity token does not answer. Try again in a moment.") from error
    expires_at = from_ms(int(min(float(claims["exp"]), _LATEST) * 1000))
    if expires_at > timezone.now() + MAX_LIFE:
        raise RefusedExchange("The identity token is valid for more than a day.", facts=facts)
    token_id = claims.get("jti")
    digest = _sha256(token)
    proof = _sha256(f"{issuer}\n{token_id}") if isinstance(token_id, str) and token_id else digest
    return IdentityToken(issuer, claims, digest, proof, expires_at)


def plain_text(value: object) -> str:
    """Return a value of a token as text that every database can store, at most 300 characters."""
    text = str(value)[:_LONGEST_FACT].replace("\x00", "")
    return text.encode("utf-8", "replace").decode()


def _unverified_issuer(token: str) -> tuple[str, dict[str, object]]:
    """Return the issuer that a token names, without a slash at its end, and the facts of a refusal.

    Raises RefusedExchange unless the settings trust the issuer and a rule names it: no other one is asked for its keys.
    """
    try:
        if len(token) > MAX_TOKEN:
            raise RefusedExchange("The identity token is too long.")
        claims = jwt.decode(token, options={"verify_signature": False})
    except (PyJWTError, ValueError, RecursionError) as error:
        raise RefusedExchange("The identity token cannot be read.") from error
    issuer = str(claims.get("iss", "")).rstrip("/")
    facts: dict[str, object] = {"unverified_issuer": plain_text(issuer)}
    facts["unverified_subject"] = plain_text(claims.get("sub", ""))
    if issuer not in settings.TRUSTED_ISSUERS or not _is_named(issuer):
        raise RefusedExchange("No rule trusts the issuer of the identity token.", facts=facts)
    return issuer, facts


def _is_named(issuer: str) -> bool:
    return TrustedPublisher.objects.filter(issuer=issuer, deleted_at__isnull=True).exists()


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
