from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import TrustedPublisher, User
from accounts.workload.api import GRANT_TYPE
from accounts.workload.publishers import add_publisher
from tests.accounts.oidc.conftest import identity_server, signing_key
from tests.accounts.oidc.identity_server import Claims, IdentityServer, signed
from tests.conftest import Acting
from tests.console.conftest import signed_in

__all__ = ["identity_server", "signed_in", "signing_key"]

PATH = "/api/v1/tokens/exchange"
AUDIENCE = "https://models.example.com"
JWT = "urn:ietf:params:oauth:token-type:jwt"
RULE: dict[str, Any] = {
    "name": "release",
    "audience": AUDIENCE,
    "claims": {"repository_id": "42", "ref": "refs/heads/main"},
    "scopes": ["registry:read", "registry:write"],
}
Exchange = Callable[..., Any]
AddRule = Callable[..., TrustedPublisher]


@pytest.fixture
def issuer(identity_server: IdentityServer, settings: Settings) -> IdentityServer:
    """An issuer of identity tokens that rules may name. Nobody signs in with it: it has no authorization endpoint."""
    settings.TRUSTED_ISSUERS = (identity_server.issuer,)
    names = ("issuer", "jwks_uri")
    identity_server.change_discovery = lambda document: {name: document[name] for name in names}
    return identity_server


@pytest.fixture
def add_rule(issuer: IdentityServer, ada: User, bot: User, acting: Acting) -> AddRule:
    """Add a trusted publisher of bot, which ada owns."""

    def add(**changes: Any) -> TrustedPublisher:
        fields = {"username": "bot", "issuer": issuer.issuer, **RULE, **changes}
        return add_publisher(actor=acting(ada), **fields)

    return add


def job_claims(issuer: IdentityServer, **changes: Any) -> Claims:
    """Return the claims of a job on the main branch; a claim that is changed to None is left out."""
    now = int(time.time())
    claims = {
        "iss": issuer.issuer, "aud": AUDIENCE, "sub": "repo:acme/fraud:ref:refs/heads/main", "jti": uuid.uuid4().hex,
        "iat": now, "exp": now + 300, "repository": "acme/fraud", "repository_id": "42", "ref": "refs/heads/main",
        "event_name": "push", **changes,
    }  # fmt: skip
    return {name: value for name, value in claims.items() if value is not None}


@pytest.fixture
def exchange(issuer: IdentityServer, client: Client) -> Exchange:
    """Exchange an identity token, that of a job unless another one is given, as a form."""

    def run(token: str = "", fields: dict[str, Any] | None = None, **changes: Any) -> Any:
        subject = token or signed(job_claims(issuer, **changes), issuer.key)
        form = {"grant_type": GRANT_TYPE, "subject_token": subject, "subject_token_type": JWT, **(fields or {})}
        body = {name: value for name, value in form.items() if value is not None}
        return client.post(PATH, urlencode(body, doseq=True), content_type="application/x-www-form-urlencoded")

    return run
