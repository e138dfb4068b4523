from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html import unescape
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings

from accounts.oidc.configuration import IdentityProvider
from tests.accounts.oidc.identity_server import IdentityServer, SigningKey
from tests.console.conftest import text_of

SignIn = Callable[..., Any]
GROUPS = {"ml-reviewers": "reviewers", "ml-auditors": "auditors"}


@pytest.fixture(scope="session")
def signing_key() -> SigningKey:
    return SigningKey("key-1")


@pytest.fixture
def identity_server(signing_key: SigningKey) -> Iterator[IdentityServer]:
    """A provider at which Dora signs in. It starts with empty caches."""
    cache.clear()
    person = {"sub": "subject-1", "preferred_username": "dora", "email": "dora@example.com", "email_verified": True}
    server = IdentityServer(claims={**person, "given_name": "Dora", "family_name": "Day"}, key=signing_key)
    server.start()
    yield server
    server.stop()
    cache.clear()


def provider_of(server: IdentityServer, **changes: Any) -> IdentityProvider:
    options: dict[str, Any] = {"sign_up": "first", "groups": GROUPS, **changes}
    names = {"id": "corp", "name": "Corp", "url": server.issuer, "client_id": "custody", "client_secret": "hush"}
    return IdentityProvider(**{**names, **options})


@pytest.fixture
def provider(identity_server: IdentityServer, settings: Settings) -> IdentityProvider:
    provider = provider_of(identity_server)
    settings.IDENTITY_PROVIDERS = (provider,)
    return provider


def address_of_provider(answer: Any) -> str:
    """Return where a page leads on to."""
    found = re.search(r'<meta http-equiv="refresh" content="0; url=([^"]+)">', text_of(answer))
    assert found is not None, text_of(answer)
    return unescape(found[1])


@pytest.fixture
def sign_in(identity_server: IdentityServer, provider: IdentityProvider, db: None) -> SignIn:
    """Sign in as a browser does: press the button, sign in at the provider, come back. Returns the last answer."""

    def run(client: Client, provider_id: str = "corp", following: str = "/models/") -> Any:
        page = client.post(f"/sign-in/{provider_id}/", {"next": following})
        assert page.status_code == 200
        back = identity_server.authorize(address_of_provider(page))
        return client.get(back.removeprefix("http://testserver"))

    return run
