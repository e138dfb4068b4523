"""Who is invited gets an account, once, and whoever invited them counts as who made it."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import DatabaseError, transaction
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.models import AccountChange, Invitation, User
from accounts.oidc.configuration import SignUp
from accounts.oidc.invitations import invite, withdraw_invitation
from audit.actions import Action
from audit.models import Event
from audit.queries import actor_name, facts
from core.actors import Actor, system_actor
from core.errors import AlreadyExists, Denied, InvalidInput, InvalidState, NotFound
from tests.accounts.oidc.conftest import SignIn, provider_of
from tests.accounts.oidc.identity_server import IdentityServer
from tests.conftest import Acting
from tests.console.conftest import text_of

WEEK = timedelta(days=7)
SYSTEM = system_actor("command:invite")


@pytest.fixture(autouse=True)
def _by_invitation_only(sign_in: SignIn, identity_server: IdentityServer, settings: Settings) -> None:
    settings.IDENTITY_PROVIDERS = (provider_of(identity_server, sign_up=SignUp.INVITED),)


def invite_dora(actor: Actor = SYSTEM, **changes: str) -> Invitation:
    return invite(**{"actor": actor, "provider": "corp", "email": "Dora@Example.com", "expires_in": WEEK, **changes})  # type: ignore[arg-type]  # one of each kind


def names() -> list[str]:
    return sorted(User.objects.filter(is_superuser=False).values_list("username", flat=True))


def test_without_an_invitation_there_is_no_account(sign_in: SignIn, client: Client) -> None:
    answer = sign_in(client)
    assert answer.status_code == 403
    assert "need an invitation" in text_of(answer)
    assert names() == []


def test_an_invitation_is_redeemed_once(sign_in: SignIn, client: Client, identity_server: IdentityServer) -> None:
    invite_dora()
    assert sign_in(client).status_code == 302
    identity_server.claims |= {"sub": "subject-2", "preferred_username": "dina"}
    assert sign_in(Client()).status_code == 403, "the address belongs to somebody else now"
    assert names() == ["dora"]
    identity_server.claims |= {"sub": "subject-1", "email": "new@example.com", "preferred_username": "renamed"}
    assert sign_in(Client()).status_code == 302, "only the subject counts from now on"
    assert names() == ["dora"]


@pytest.mark.parametrize("verified", [False, None, "false", 1])
def test_the_address_must_be_verified(
    verified: object, sign_in: SignIn, client: Client, identity_server: IdentityServer
) -> None:
    invite_dora()
    identity_server.claims["email_verified"] = verified
    assert sign_in(client).status_code == 403


def test_an_invitation_names_the_username(sign_in: SignIn, client: Client) -> None:
    User.objects.create_user("dora")
    invite_dora(username="dora.day")
    assert sign_in(client).status_code == 302
    assert names() == ["dora", "dora.day"]


def test_an_invitation_expires(sign_in: SignIn, client: Client) -> None:
    with time_machine.travel(timezone.now() - WEEK - timedelta(seconds=5), tick=False):
        invite_dora()
    assert sign_in(client).status_code == 403


def test_a_withdrawn_invitation_is_not_redeemed(sign_in: SignIn, client: Client) -> None:
    invitation = invite_dora()
    withdraw_invitation(actor=SYSTEM, invitation_id=invitation.pk)
    assert sign_in(client).status_code == 403
    assert names() == []
    with pytest.raises(DatabaseError), transaction.atomic():
        Invitation.objects.update(withdrawn_at=None)


def test_a_redeemed_invitation_is_not_withdrawn(sign_in: SignIn, client: Client) -> None:
    invitation = invite_dora()
    sign_in(client)
    with pytest.raises(InvalidState):
        withdraw_invitation(actor=SYSTEM, invitation_id=invitation.pk)
    assert Invitation.objects.get().withdrawn_at is None


def test_whoever_invited_counts_as_who_made_the_account(
    sign_in: SignIn, client: Client, ops: User, acting: Acting
) -> None:
    invite_dora(acting(ops))
    sign_in(client)
    made = AccountChange.objects.filter(kind="created", account__username="dora").exclude(made_by="")
    assert sorted(made.values_list("made_by", flat=True)) == ["ops", "sign-in:corp"]


def test_only_superusers_invite(bea: User, acting: Acting) -> None:
    with pytest.raises(Denied):
        invite_dora(acting(bea))
    assert not Invitation.objects.exists()


def test_what_cannot_be_invited(ada: User) -> None:
    with pytest.raises(NotFound):
        invite_dora(provider="nobody")
    with pytest.raises(InvalidInput):
        invite_dora(email="dora")
    with pytest.raises(AlreadyExists):
        invite_dora(username="ADA")
    with pytest.raises(InvalidInput):
        invite(actor=SYSTEM, provider="corp", email="d@example.com", expires_in=timedelta(days=91))


def test_the_command_invites_with_an_event(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("invite", "corp", "dora@example.com", "--expires", "1d", "--username", "dora.day")
    assert capsys.readouterr().out.startswith("Invited dora@example.com until ")
    event = Event.objects.get(action=Action.ACCOUNT_INVITATION_ISSUED)
    assert (facts(event)["object"], actor_name(event)) == ("user:dora@example.com", "command:invite")
    with pytest.raises(CommandError, match="no identity provider called nobody"):
        call_command("invite", "nobody", "dora@example.com")


def test_a_redeemed_invitation_stays_as_it_is(sign_in: SignIn, client: Client) -> None:
    invite_dora()
    with pytest.raises(DatabaseError), transaction.atomic():
        Invitation.objects.update(email="other@example.com")
    sign_in(client)
    with pytest.raises(DatabaseError), transaction.atomic():
        Invitation.objects.update(redeemed_at=None, account=None)


@pytest.mark.parametrize("username", ["x" * 151, "\ufb03" * 51, "two words"])
def test_nobody_is_invited_with_a_username_that_no_account_can_have(username: str) -> None:
    with pytest.raises(InvalidInput, match="username"):
        invite_dora(username=username)
    assert not Invitation.objects.exists()


def test_an_address_that_is_too_long_is_refused() -> None:
    with pytest.raises(InvalidInput, match="is not an e-mail address"):
        invite_dora(email=f"dora@{'a.' * 140}example.com")
    assert not Invitation.objects.exists()


def test_a_profile_with_an_address_that_is_too_long_has_none(
    sign_in: SignIn, client: Client, identity_server: IdentityServer, settings: Settings
) -> None:
    settings.IDENTITY_PROVIDERS = (provider_of(identity_server),)
    identity_server.claims |= {"email": f"dora@{'a.' * 140}example.com"}
    assert sign_in(client).status_code == 302
    assert User.objects.get(username="dora").email == ""
