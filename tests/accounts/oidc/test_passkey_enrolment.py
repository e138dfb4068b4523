"""People without a password here confirm at their provider who they are before they add a passkey."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.identity_proofs import keep_proof
from accounts.models import IdentityProof, Passkey, User
from accounts.passkeys.enrolment import PURPOSE, begin_enrolment
from core.errors import Denied, InvalidInput
from tests.accounts.oidc.conftest import SignIn, address_of_provider
from tests.accounts.oidc.identity_server import IdentityServer
from tests.conftest import Acting
from tests.console.conftest import text_of
from tests.software_authenticator import Authenticator

PAGE = "/account/passkeys/"
Confirm = Callable[..., Any]


@pytest.fixture
def dora(sign_in: SignIn, client: Client) -> User:
    """A person who signed in at the provider, with this client."""
    sign_in(client)
    return User.objects.get(username="dora")


@pytest.fixture
def confirm(identity_server: IdentityServer, dora: User, client: Client) -> Confirm:
    def run(purpose: str = PURPOSE) -> Any:
        fields = {"provider": "corp", "purpose": purpose, "next": PAGE}
        back = identity_server.authorize(address_of_provider(client.post("/account/confirm-identity/", fields)))
        return client.get(back.removeprefix("http://testserver"))

    return run


def test_the_page_leads_to_the_provider(dora: User, client: Client) -> None:
    page = text_of(client.get(PAGE))
    assert 'name="password"' not in page
    assert "purpose=passkey" in page
    page = text_of(client.post(PAGE, {"name": "blue key"}))
    assert "at your identity provider first" in page
    assert "data-passkey-options" not in page


def test_a_confirmation_begins_one_addition(dora: User, client: Client, confirm: Confirm) -> None:
    assert confirm()["Location"] == PAGE
    text = text_of(client.post(PAGE, {"name": "blue key"}))
    options, token = (
        html.unescape(match[1])
        for pattern in (r'data-passkey-options="([^"]+)"', r'name="passkey_token" value="([^"]+)"')
        if (match := re.search(pattern, text))
    )
    client.post(f"{PAGE}add/", {"passkey_token": token, "passkey_answer": Authenticator().create(options)})
    assert Passkey.objects.get().user == dora
    assert "data-passkey-options" not in text_of(client.post(PAGE, {"name": "second"}))


def test_a_confirmation_for_something_else_begins_none(dora: User, client: Client, confirm: Confirm) -> None:
    confirm("approval-session")
    assert "data-passkey-options" not in text_of(client.post(PAGE, {"name": "blue key"}))


def test_a_proof_is_not_used_up_by_a_refusal(dora: User, confirm: Confirm, acting: Acting) -> None:
    proof: dict[str, Any] = {"provider": "corp", "signed_in_at": timezone.now()}
    other = keep_proof(actor=acting(dora), purpose="approval-session", **proof)
    with pytest.raises(Denied, match="for something else"):
        begin_enrolment(actor=acting(dora), password="", name="blue key", proof=other)
    own = keep_proof(actor=acting(dora), purpose=PURPOSE, **proof)
    with pytest.raises(InvalidInput):
        begin_enrolment(actor=acting(dora), password="", name=" ", proof=own)
    assert not IdentityProof.objects.filter(used_at__isnull=False).exists()


def test_a_proof_of_somebody_else_begins_none(dora: User, confirm: Confirm, bea: User, acting: Acting) -> None:
    secret = keep_proof(actor=acting(dora), provider="corp", purpose=PURPOSE, signed_in_at=timezone.now())
    with pytest.raises(Denied, match="more than five minutes ago"):
        begin_enrolment(actor=acting(bea), password="", name="blue key", proof=secret)
