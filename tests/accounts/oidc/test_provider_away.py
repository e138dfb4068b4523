"""A provider that does not answer, or that answers something else than its configuration: a page that says so."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from accounts.models import User
from accounts.oidc.configuration import IdentityProvider
from tests.accounts.oidc.conftest import SignIn, address_of_provider
from tests.accounts.oidc.identity_server import Claims, IdentityServer, SigningKey
from tests.console.conftest import text_of

DISCOVERY = "/.well-known/openid-configuration"


def says_unavailable(answer: Any) -> bool:
    return answer.status_code == 503 and "Corp does not answer" in text_of(answer)


def test_a_provider_that_is_away_when_the_button_is_pressed(
    provider: IdentityProvider, identity_server: IdentityServer, client: Client, db: None
) -> None:
    identity_server.stop()
    assert says_unavailable(client.post("/sign-in/corp/"))
    identity_server.start()
    assert says_unavailable(client.post("/sign-in/corp/")), "it is not asked again at once"
    cache.clear()
    assert client.post("/sign-in/corp/").status_code == 200


def test_a_provider_that_is_away_when_the_person_returns(
    sign_in: SignIn, identity_server: IdentityServer, client: Client
) -> None:
    back = identity_server.authorize(address_of_provider(client.post("/sign-in/corp/")))
    identity_server.stop()
    assert says_unavailable(client.get(back.removeprefix("http://testserver")))
    assert "_auth_user_id" not in client.session
    assert not User.objects.exists()


def test_an_empty_configuration(sign_in: SignIn, identity_server: IdentityServer, client: Client) -> None:
    identity_server.change_discovery = lambda _document: {}
    assert client.post("/sign-in/corp/").status_code == 503


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"issuer": "https://evil.example"}, "names another issuer"),
        ({"token_endpoint": None}, "is incomplete"),
        ({"jwks_uri": "file:///etc/passwd"}, "without https"),
        ({"userinfo_endpoint": "ftp://127.0.0.1/"}, "without https"),
    ],
)
def test_a_configuration_that_cannot_be_used(
    change: Claims,
    message: str,
    provider: IdentityProvider,
    identity_server: IdentityServer,
    client: Client,
    db: None,
) -> None:
    identity_server.change_discovery = lambda document: {
        name: value for name, value in {**document, **change}.items() if value is not None
    }
    answer = client.post("/sign-in/corp/")
    assert answer.status_code == 503
    assert message in text_of(answer)


def test_configuration_and_keys_are_cached(sign_in: SignIn, identity_server: IdentityServer) -> None:
    sign_in(Client())
    sign_in(Client())
    assert identity_server.requests.count(DISCOVERY) == 1
    assert identity_server.requests.count("/jwks") == 1


def test_keys_that_were_rotated_are_fetched_again_but_not_for_each_unknown_key(
    sign_in: SignIn, identity_server: IdentityServer
) -> None:
    sign_in(Client())
    identity_server.key = SigningKey("key-2")
    assert sign_in(Client()).status_code == 302
    for number in (3, 4):
        published, identity_server.key = identity_server.key, SigningKey(f"key-{number}")
        assert sign_in(Client()).status_code == 403, "refreshed a moment ago"
        identity_server.key = published
    assert identity_server.requests.count("/jwks") == 2
    with time_machine.travel(timezone.now() + timedelta(seconds=61), tick=True):
        identity_server.key = SigningKey("key-5")
        assert sign_in(Client()).status_code == 302


def test_a_key_that_was_replaced_under_its_id_is_fetched_again(
    sign_in: SignIn, identity_server: IdentityServer
) -> None:
    """Key ids are optional, and a provider that is set up anew may use an old one."""
    sign_in(Client())
    identity_server.key = SigningKey("key-1")
    assert sign_in(Client()).status_code == 302
    assert identity_server.requests.count("/jwks") == 2
    identity_server.key = SigningKey("key-1")
    assert sign_in(Client()).status_code == 403, "refreshed a moment ago"
    assert identity_server.requests.count("/jwks") == 2
