"""The page on which superusers invite people who sign in at an identity provider."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.models import Invitation, User
from accounts.oidc.configuration import IdentityProvider
from accounts.oidc.invitations import invite
from audit.actions import Action
from audit.models import Event
from audit.queries import actor_name, facts
from core.actors import system_actor
from tests.console.conftest import SignedIn, text_of

PAGE = "/invitations/"
FORM = {"provider": "corp", "email": "dora@example.com", "username": "", "days": "14"}


@pytest.fixture(autouse=True)
def _provider(settings: Settings) -> None:
    settings.IDENTITY_PROVIDERS = (IdentityProvider("corp", "Corp", "https://login.example.com", "custody"),)


def test_a_superuser_invites_a_person(ops: User, signed_in: SignedIn) -> None:
    client = signed_in(ops)
    assert client.post(PAGE, FORM).status_code == 302
    invitation = Invitation.objects.get()
    assert (invitation.provider, invitation.email, invitation.invited_by) == ("corp", "dora@example.com", ops)
    assert actor_name(Event.objects.get(action=Action.ACCOUNT_INVITATION_ISSUED)) == "ops"
    page = text_of(client.get(PAGE))
    assert "dora@example.com" in page
    assert 'href="/invitations/"' in text_of(client.get("/people/"))


@pytest.mark.parametrize("change", [{"email": "dora"}, {"provider": "nobody"}, {"username": "OPS"}, {"days": "400"}])
def test_what_cannot_be_invited_is_said_on_the_form(change: dict[str, str], ops: User, signed_in: SignedIn) -> None:
    assert 'role="alert"' in text_of(signed_in(ops).post(PAGE, FORM | change))
    assert not Invitation.objects.exists()


def test_others_neither_see_nor_invite(bea: User, signed_in: SignedIn) -> None:
    client = signed_in(bea)
    assert client.get(PAGE).status_code == 403
    assert client.post(PAGE, FORM).status_code == 403
    assert not Invitation.objects.exists()
    assert 'href="/invitations/"' not in text_of(client.get("/people/"))


def test_a_superuser_withdraws_an_invitation(ops: User, bea: User, signed_in: SignedIn) -> None:
    client = signed_in(ops)
    client.post(PAGE, FORM)
    path = f"{PAGE}{Invitation.objects.get().pk}/withdraw/"
    assert path in text_of(client.get(PAGE))
    assert signed_in(bea).post(path).status_code == 403
    assert client.get(path).status_code == 405
    assert Invitation.objects.get().withdrawn_at is None
    for _ in range(2):
        assert client.post(path).status_code == 302
    invitation = Invitation.objects.get()
    assert (invitation.withdrawn_by, invitation.account) == (ops, None)
    event = Event.objects.get(action=Action.ACCOUNT_INVITATION_WITHDRAWN, outcome="ok")
    assert (actor_name(event), facts(event)["object"]) == ("ops", "user:dora@example.com")
    page = text_of(client.get(PAGE))
    assert "Withdrawn" in page
    assert path not in page
    assert client.post(f"{PAGE}{2**70}/withdraw/").status_code == 404


def test_without_a_provider_nobody_can_be_invited(ops: User, signed_in: SignedIn, settings: Settings) -> None:
    settings.IDENTITY_PROVIDERS = ()
    assert "No identity provider" in text_of(signed_in(ops).get(PAGE))


def test_more_invitations_take_no_more_queries(ops: User, signed_in: SignedIn) -> None:
    client = signed_in(ops)

    def invite_and_count(number: int) -> int:
        for each in range(number):
            email = f"p{number}-{each}@example.com"
            invite(actor=system_actor("test"), provider="corp", email=email, expires_in=timedelta(days=1))
        with CaptureQueriesContext(
            connection,
        ) as queries:
            client.get(PAGE)
        return len(queries)

    assert invite_and_count(2) == invite_and_count(20)
