"""The two halves of a sign-in at a provider: sending a person there, and verifying the answer that they return with."""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import requests
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from accounts.oidc.clients import ProviderClient
from accounts.oidc.configuration import IdentityProvider
from accounts.oidc.discovery import away, discovery_of, fetch_json
from accounts.oidc.tokens import Identity, RejectedSignIn, invalid_token, verify_id_token, verify_recent
from core.times import from_ms, now_ms

logger = logging.getLogger(__name__)

# The clock of the provider may be this much behind when a person is asked to sign in again.
CLOCK_DIFFERENCE = timedelta(seconds=5)


class Kind(StrEnum):
    """The reasons to send a person to a provider."""

    SIGN_IN = "sign_in"
    CONFIRM = "confirm"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One visit of a person to a provider: to sign in, to confirm who they are, or to link their account.

    ``next_path`` is where they go afterwards. ``purpose`` is what a confirmation is for. ``user_id`` is who was signed
    in when a confirmation or a link was started.
    """

    next_path: str
    kind: Kind = Kind.SIGN_IN
    purpose: str = ""
    user_id: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The verified answer of a provider. ``confirmed_at`` is None unless the attempt is a confirmation."""

    identity: Identity
    attempt: Attempt
    confirmed_at: datetime | None = None


def begin(request: HttpRequest, provider: IdentityProvider, callback_path: str, attempt: Attempt) -> str:
    """Return the address of the provider's page for this attempt. It works once, in this browser, for ten minutes.

    For a confirmation the provider has to ask the person to sign in again. Raises Unavailable.
    """
    nonce = secrets.token_urlsafe(24)
    again = {"prompt": "login", "max_age": "0"} if attempt.kind is Kind.CONFIRM else {}
    data = {
        "nonce": nonce,
        "next": attempt.next_path,
        "kind": attempt.kind.value,
        "purpose": attempt.purpose,
        "user": attempt.user_id,
        "started": now_ms(),
    }
    client = ProviderClient(request, provider, _callback_url(request, callback_path))
    return client.begin(request, data=data, auth_params={"nonce": nonce, **again})


def finish(request: HttpRequest, provider: IdentityProvider, callback_path: str) -> Answer:
    """Verify the answer of a provider with which a person comes back, and return it.

    Raises RejectedSignIn, Unavailable.
    """
    client = ProviderClient(request, provider, _callback_url(request, callback_path))
    state = _take_state(request, client)
    _verify_sender(request, provider)
    tokens = _exchange(request, client, str(state.get("pkce_code_verifier") or ""))
    data = state.get("data") or {}
    claims = verify_id_token(provider, tokens.get("id_token"), nonce=str(data.get("nonce") or ""))
    identity = Identity(provider, claims["sub"], {**_user_info(provider, tokens, claims["sub"]), **claims})
    attempt = Attempt(data["next"], Kind(data["kind"]), data["purpose"], data["user"])
    confirmed_at = None
    if attempt.kind is Kind.CONFIRM:
        confirmed_at = verify_recent(provider, claims, since=from_ms(data["started"]) - CLOCK_DIFFERENCE)
    return Answer(identity, attempt, confirmed_at)


def _callback_url(request: HttpRequest, path: str) -> str:
    return settings.BASE_URL + path if settings.BASE_URL else request.build_absolute_uri(path)


def _take_state(request: HttpRequest, client: ProviderClient) -> dict[str, Any]:
    """Return the state of this attempt, and forget it: an answer is read once. Raises RejectedSignIn."""
    try:
        state: dict[str, Any] = client.unstash_redirect_state(request, request.GET.get("state", ""))
    except PermissionDenied as error:
        message = "This sign-in was started in another browser, or more than ten minutes ago. Start again."
        raise RejectedSignIn(message, reason="the state is unknown or too old") from error
    return state


def _verify_sender(request: HttpRequest, provider: IdentityProvider) -> None:
    """Refuse the answer of another provider (RFC 9207), and one without a code."""
    discovery = discovery_of(provider)
    issuer = request.GET.get("iss")
    is_missing = issuer is None and discovery.names_issuer
    if is_missing or (issuer is not None and not constant_time_compare(issuer, discovery.issuer)):
        raise invalid_token(provider, "the answer comes from another issuer (iss)")
    if request.GET.get("error") == "access_denied":
        raise RejectedSignIn(f"You cancelled the sign-in at {provider.name}.", reason="cancelled at the provider")
    if "error" in request.GET or not request.GET.get("code"):
        reason = f"the provider answered {request.GET.get('error', 'without a code')[:100]}"
        raise RejectedSignIn(f"{provider.name} did not sign you in. Start again.", reason=reason)


def _exchange(request: HttpRequest, client: ProviderClient, code_verifier: str) -> dict[str, Any]:
    try:
        return client.exchange(request, code_verifier)
    except requests.RequestException as error:
        raise away(client.provider) from error
    except (OAuth2Error, KeyError, ValueError) as error:
        logger.warning("%s refused the code of a sign-in: %s", client.provider.id, str(error)[:500])
        raise invalid_token(client.provider, "the provider refused the code") from error


def _user_info(provider: IdentityProvider, tokens: dict[str, Any], subject: str) -> dict[str, Any]:
    """Return the claims that the provider gives for the access token. They must be about the person of the ID token."""
    url, access_token = discovery_of(provider).userinfo_endpoint, tokens.get("access_token")
    if not url or not isinstance(access_token, str):
        return {}
    claims = fetch_json(provider, url, bearer=access_token)
    if claims.get("sub") != subject:
        raise invalid_token(provider, "the user info is about somebody else (sub)")
    return claims
