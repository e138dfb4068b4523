"""Signing in again at the provider confirms who a person is: for one purpose, once, for some minutes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.db import DatabaseError, transaction
from django.test import Client
from django.utils import timezone

from accounts.approval_sessions import start_approval_session
from accounts.identity_proofs import PROOF_LIFE, keep_proof, use_proof
from accounts.models import ApprovalSession, IdentityProof, User
from audit.actions import Action
from audit.models import Event
from audit.queries import actor_name, facts
from core.errors import Denied
from tests.accounts.oidc.conftest import SignIn, address_of_provider
from tests.accounts.oidc.identity_server import IdentityServer
from tests.conftest import Acting
from tests.console.conftest import text_of

PAGE = "/account/approval-session/"
Confirm = Callable[..., Any]


@pytest.fixture
def confirm(identity_server: IdentityServer, sign_in: SignIn) -> Confirm:
    """Confirm at the provider who one is, as a browser does. Returns the last answer."""

    def run(client: Client, purpose: str = "approval-session") -> Any:
        fields = {"provider": "corp", "purpose": purpose, "next": PAGE}
        back = identity_server.authorize(address_of_provider(client.post("/account/confirm-identity/", fields)))
        return client.get(back.removeprefix("http://testserver"))

    return run


@pytest.fixture
def dora(sign_in: SignIn, client: Client) -> User:
    """A person who signed in at the provider, with this client."""
    sign_in(client)
    return User.objects.get(username="dora")


def test_a_confirmation_leads_to_the_provider_and_back(
    dora: User, client: Client, identity_server: IdentityServer
) -> None:
    page = text_of(client.get("/account/confirm-identity/?purpose=approval-session&next=/account/approval-session/"))
    assert "Confirm at Corp" in page
    fields = {"provider": "corp", "purpose": "approval-session", "next": PAGE}
    url = address_of_provider(client.post("/account/confirm-identity/", fields))
    params = parse_qs(urlsplit(url).query)
    assert (params["prompt"], params["max_age"]) == (["login"], ["0"])
    answer = client.get(identity_server.authorize(url).removeprefix("http://testserver"))
    assert (answer.status_code, answer["Location"]) == (302, PAGE)
    proof = IdentityProof.objects.get()
    assert (proof.user, proof.purpose, proof.provider, proof.used_at) == (dora, "approval-session", "corp", None)
    event = Event.objects.get(action=Action.ACCOUNT_REAUTHENTICATED)
    assert (actor_name(event), facts(event)["after"]["purpose"]) == ("dora", "approval-session")


def test_an_approval_session_starts_with_it_once(dora: User, client: Client, confirm: Confirm) -> None:
    page = text_of(client.get(PAGE))
    assert 'name="password"' not in page
    assert "Confirm who you are" in page
    assert "at your identity provider first" in text_of(client.post(PAGE))
    assert not ApprovalSession.objects.exists()
    confirm(client)
    assert "Confirmed at" in text_of(client.get(PAGE))
    assert 'id="secret">csa_' in text_of(client.post(PAGE))
    assert "at your identity provider first" in text_of(client.post(PAGE))
    assert ApprovalSession.objects.count() == 1


def refused(answer: Any, reason: str) -> None:
    assert answer.status_code == 403
    assert not IdentityProof.objects.exists()
    assert reason in facts(Event.objects.get(outcome="denied"))["reason"]


def test_an_old_sign_in_at_the_provider_confirms_nothing(
    dora: User, client: Client, confirm: Confirm, identity_server: IdentityServer
) -> None:
    identity_server.auth_time = lambda: int(time.time()) - 60
    refused(confirm(client), "too old (auth_time)")


@pytest.mark.parametrize("value", [None, "now", True, 4_102_444_800])
def test_without_its_time_a_sign_in_confirms_nothing(
    value: object, dora: User, client: Client, confirm: Confirm, identity_server: IdentityServer
) -> None:
    identity_server.change_token = lambda claims: {
        name: each for name, each in {**claims, "auth_time": value}.items() if each is not None
    }
    refused(confirm(client), "auth_time")


def test_somebody_else_at_the_provider_confirms_nothing(
    dora: User, client: Client, confirm: Confirm, sign_in: SignIn, identity_server: IdentityServer
) -> None:
    identity_server.claims |= {"sub": "subject-2", "preferred_username": "dina"}
    sign_in(Client())
    refused(confirm(client), "another person confirmed")
    assert client.session["_auth_user_id"] == str(dora.pk)


def test_an_unknown_person_at_the_provider_gets_no_account(
    dora: User, client: Client, confirm: Confirm, identity_server: IdentityServer
) -> None:
    identity_server.claims |= {"sub": "subject-2", "preferred_username": "dina"}
    refused(confirm(client), "another person confirmed")
    assert not User.objects.filter(username="dina").exists()


def test_an_ordinary_sign_in_confirms_nothing(dora: User, client: Client) -> None:
    assert not IdentityProof.objects.exists()
    assert "Not confirmed" in text_of(client.get(PAGE))


def test_another_browser_of_the_same_person_has_no_proof(
    dora: User, client: Client, confirm: Confirm, sign_in: SignIn
) -> None:
    other = Client()
    sign_in(other)
    confirm(client)
    assert "Not confirmed" in text_of(other.get(PAGE))
    assert "at your identity provider first" in text_of(other.post(PAGE))


def test_a_proof_is_for_one_purpose(dora: User, client: Client, confirm: Confirm, acting: Acting) -> None:
    secret = keep_proof(
        actor=acting(dora), provider="corp", purpose="transition-request:1", signed_in_at=timezone.now()
    )
    with pytest.raises(Denied, match="for something else"):
        start_approval_session(actor=acting(dora), password="", session_key="browser", proof=secret)
    assert not ApprovalSession.objects.exists()


def test_a_proof_ends_after_five_minutes_and_is_not_somebody_elses(dora: User, bea: User, acting: Acting) -> None:
    secret = keep_proof(actor=acting(dora), provider="corp", purpose="x", signed_in_at=timezone.now())
    with pytest.raises(Denied):
        use_proof(actor=acting(bea), secret=secret, action=Action.ACCOUNT_REAUTHENTICATED)
    with time_machine.travel(timezone.now() + PROOF_LIFE, tick=False), pytest.raises(Denied):
        use_proof(actor=acting(dora), secret=secret, action=Action.ACCOUNT_REAUTHENTICATED)
    assert use_proof(actor=acting(dora), secret=secret, action=Action.ACCOUNT_REAUTHENTICATED).purpose == "x"
    with pytest.raises(Denied):
        use_proof(actor=acting(dora), secret=secret, action=Action.ACCOUNT_REAUTHENTICATED)
    with pytest.raises(DatabaseError), transaction.atomic():
        IdentityProof.objects.update(used_at=None)


def test_nobody_without_a_link_is_sent_to_a_provider(sign_in: SignIn, client: Client, bea: User) -> None:
    client.force_login(bea)
    page = client.post("/account/confirm-identity/", {"provider": "corp", "purpose": "approval-session", "next": PAGE})
    assert "not linked to an identity provider" in text_of(page)


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example"])
def test_a_confirmation_leads_to_no_other_host(
    target: str, dora: User, client: Client, identity_server: IdentityServer
) -> None:
    fields = {"provider": "corp", "purpose": "approval-session", "next": target}
    url = address_of_provider(client.post("/account/confirm-identity/", fields))
    answer = client.get(identity_server.authorize(url).removeprefix("http://testserver"))
    assert answer["Location"] == "/"
