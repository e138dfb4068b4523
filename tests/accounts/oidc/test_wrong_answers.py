"""Answers of a provider that must be refused, with nothing changed and one event."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.test import Client

from accounts.models import User
from accounts.oidc.configuration import IdentityProvider
from audit.actions import Action
from audit.models import Event
from audit.queries import facts
from tests.accounts.oidc.conftest import SignIn, address_of_provider
from tests.accounts.oidc.identity_server import FUTURE, PAST, Claims, IdentityServer, SigningKey, signed
from tests.console.conftest import text_of

Sign = Callable[[Claims, SigningKey], str]


def refused(answer: Any, client: Client, reason: str) -> None:
    """Assert that nobody was signed in, that the page says so, and that the event says why."""
    assert answer.status_code == 403
    assert "Not signed in" in text_of(answer)
    assert "_auth_user_id" not in client.session
    assert not User.objects.exists()
    event = Event.objects.get()
    assert (event.action, event.outcome) == (Action.ACCOUNT_AUTHENTICATION_FAILED, "denied")
    assert reason in facts(event)["reason"]
    assert facts(event)["after"]["provider"] == "corp"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"iss": "https://evil.example"}, "InvalidIssuerError"),
        ({"aud": "another-client"}, "InvalidAudienceError"),
        ({"aud": ["custody", "another-client"]}, "azp"),
        ({"azp": "another-client"}, "azp"),
        ({"exp": PAST}, "ExpiredSignatureError"),
        ({"exp": None}, "MissingRequiredClaimError"),
        ({"iat": FUTURE}, "ImmatureSignatureError"),
        ({"nonce": "of-another-attempt"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"nonce": ""}, "nonce"),
        ({"sub": ""}, "subject"),
        ({"sub": "a\ud800"}, "subject"),
        ({"sub": "a\x00"}, "subject"),
        ({"sub": "x" * 192}, "subject"),
        ({"sub": None}, "MissingRequiredClaimError"),
        ({"sub": "somebody-else"}, "sub"),
    ],
)
def test_a_wrong_claim(
    change: Claims, reason: str, sign_in: SignIn, client: Client, identity_server: IdentityServer
) -> None:
    identity_server.change_token = lambda claims: {
        name: value for name, value in {**claims, **change}.items() if value is not None
    }
    refused(sign_in(client), client, reason)


def test_user_info_of_somebody_else(sign_in: SignIn, client: Client, identity_server: IdentityServer) -> None:
    identity_server.change_info = lambda claims: {**claims, "sub": "subject-2"}
    refused(sign_in(client), client, "somebody else")


def by_another_key(claims: Claims, key: SigningKey) -> str:
    return signed(claims, SigningKey(key.key_id))


def without_a_signature(claims: Claims, key: SigningKey) -> str:
    return jwt.encode(claims, "", algorithm="none", headers={"kid": key.key_id})


def by_the_public_key_as_a_secret(claims: Claims, key: SigningKey) -> str:
    """Return a token whose HMAC has the public key as its secret. PyJWT refuses to make one."""
    public = key.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    header = {"alg": "HS256", "typ": "JWT", "kid": key.key_id}
    signed_part = b".".join(
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims)
    )
    mac = base64.urlsafe_b64encode(hmac.digest(public, signed_part, "sha256")).rstrip(b"=")
    return (signed_part + b"." + mac).decode()


def by_the_clients_secret(claims: Claims, key: SigningKey) -> str:
    return jwt.encode(claims, "hush" * 16, algorithm="HS256", headers={"kid": key.key_id})


def by_an_unknown_key(claims: Claims, key: SigningKey) -> str:
    return signed(claims, SigningKey("key-of-nobody", key.private))


@pytest.mark.parametrize(
    ("sign", "reason"),
    [
        (by_another_key, "InvalidSignatureError"),
        (without_a_signature, "unknown key"),
        (by_the_public_key_as_a_secret, "unknown key"),
        (by_the_clients_secret, "unknown key"),
        (by_an_unknown_key, "unknown key"),
        (lambda _claims, _key: "not a token", "DecodeError"),
        (lambda _claims, _key: "", "DecodeError"),
    ],
)
def test_a_wrong_signature(
    sign: Sign, reason: str, sign_in: SignIn, client: Client, identity_server: IdentityServer
) -> None:
    identity_server.sign = sign
    refused(sign_in(client), client, reason)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"iss": "https://evil.example"}, "iss"),
        ({"iss": None}, "iss"),
        ({"code": None}, "without a code"),
        ({"code": "code-of-nobody"}, "refused the code"),
        ({"state": "unknown"}, "state"),
        ({"state": ""}, "state"),
        ({"error": "access_denied"}, "cancelled"),
        ({"error": "server_error\x00"}, "server_error"),
    ],
)
def test_a_wrong_redirect(
    change: Claims, reason: str, sign_in: SignIn, client: Client, identity_server: IdentityServer
) -> None:
    identity_server.change_redirect = lambda params: {
        name: value for name, value in {**params, **change}.items() if value is not None
    }
    refused(sign_in(client), client, reason)


def test_an_answer_is_read_once(sign_in: SignIn, identity_server: IdentityServer, client: Client) -> None:
    back = identity_server.authorize(address_of_provider(client.post("/sign-in/corp/")))
    path = back.removeprefix("http://testserver")
    assert client.get(path).status_code == 302
    client.logout()
    assert client.get(path).status_code == 403
    assert "_auth_user_id" not in client.session


def test_an_answer_belongs_to_the_browser_that_asked(
    sign_in: SignIn, identity_server: IdentityServer, client: Client
) -> None:
    back = identity_server.authorize(address_of_provider(Client().post("/sign-in/corp/")))
    refused(client.get(back.removeprefix("http://testserver")), client, "state")


def test_starting_needs_a_form_of_this_server(provider: IdentityProvider, db: None) -> None:
    assert Client(enforce_csrf_checks=True).post("/sign-in/corp/").status_code == 403
    assert Client().get("/sign-in/corp/").status_code == 405


def test_an_unknown_provider_is_not_found(provider: IdentityProvider, client: Client, db: None) -> None:
    assert client.post("/sign-in/nobody/").status_code == 404
    assert client.get("/sign-in/nobody/callback/").status_code == 404
