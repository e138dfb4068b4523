"""People whose accounts the provider made over SCIM sign in at it: found by its own id of them, by nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from allauth.socialaccount.models import SocialAccount
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from tests.accounts.oidc.conftest import SignIn, identity_server, provider, sign_in, signing_key
from tests.accounts.oidc.identity_server import IdentityServer

__all__ = ["identity_server", "provider", "sign_in", "signing_key"]
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _invited_only(settings: Settings, provider: Any) -> None:
    settings.SCIM_PROVIDER = "corp"


def test_the_first_sign_in_links_the_account(
    make: Any, sign_in: SignIn, client: Client, identity_server: IdentityServer
) -> None:
    make("dora", externalId="subject-1")

    assert sign_in(client).status_code == 302

    assert SocialAccount.objects.get().user.username == "dora"
    assert User.objects.filter(username__startswith="dora").count() == 1


def test_the_claim_may_be_another(
    make: Any, sign_in: SignIn, client: Client, identity_server: IdentityServer, settings: Settings
) -> None:
    settings.SCIM_SUBJECT_CLAIM = "oid"
    identity_server.claims["oid"] = "58342554"
    make("dora", externalId="58342554")

    sign_in(client)

    assert SocialAccount.objects.get().user.username == "dora"


@pytest.mark.parametrize("case", ["another id", "another provider", "deleted"])
def test_the_same_username_is_not_enough(
    make: Any, send: Any, sign_in: SignIn, client: Client, settings: Settings, case: str
) -> None:
    if case == "another provider":
        settings.SCIM_PROVIDER = "other"
    made = make("dora", externalId="subject-9" if case == "another id" else "subject-1")
    if case == "deleted":
        send("DELETE", f"/Users/{made['id']}")

    answer = sign_in(client)

    assert b"No account could be made for you" in answer.content or answer.status_code in {302, 403}
    assert not SocialAccount.objects.exists()
    assert "_auth_user_id" not in client.session


def test_an_account_that_the_provider_deactivated_does_not_sign_in(make: Any, sign_in: SignIn, client: Client) -> None:
    make("dora", externalId="subject-1", active=False)

    sign_in(client)

    assert "_auth_user_id" not in client.session
