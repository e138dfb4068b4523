"""Linking an account that exists already: its password here, and a sign-in at the provider."""

from __future__ import annotations

from typing import Any

from allauth.socialaccount.models import SocialAccount
from django.test import Client

from accounts.models import User
from accounts.oidc.sign_in import unlink_identity
from audit.actions import Action
from audit.models import Event
from audit.queries import actor_name, facts
from tests.accounts.oidc.conftest import SignIn, address_of_provider
from tests.accounts.oidc.identity_server import IdentityServer
from tests.conftest import Acting
from tests.console.conftest import text_of

PAGE = "/account/identities/"
FORM = {"provider": "corp", "password": "bea-password-1"}


def come_back(client: Client, page: Any, identity_server: IdentityServer) -> Any:
    back = identity_server.authorize(address_of_provider(page))
    return client.get(back.removeprefix("http://testserver"))


def test_a_person_links_their_own_account(
    sign_in: SignIn, client: Client, bea: User, identity_server: IdentityServer
) -> None:
    client.force_login(bea)
    assert "with your password only" in text_of(client.get(PAGE))
    answer = come_back(client, client.post(PAGE, FORM), identity_server)
    assert (answer.status_code, answer["Location"]) == (302, PAGE)
    event = Event.objects.get(action=Action.ACCOUNT_IDENTITY_LINKED)
    assert (actor_name(event), facts(event)["object"]) == ("bea", "user:bea")
    after = {"provider": "corp", "subject": "subject-1", "issuer": identity_server.issuer}
    assert facts(event)["after"] == after
    assert Event.objects.filter(action=Action.ACCOUNT_REAUTHENTICATED, outcome="ok").count() == 1
    assert "Link this account" not in text_of(client.get(PAGE))
    other = Client()
    sign_in(other)
    assert other.session["_auth_user_id"] == str(bea.pk)
    assert not User.objects.filter(username="dora").exists()


def test_it_takes_the_password(sign_in: SignIn, client: Client, bea: User) -> None:
    client.force_login(bea)
    for password in ("wrong", ""):
        assert 'role="alert"' in text_of(client.post(PAGE, FORM | {"password": password}))
    assert 'role="alert"' in text_of(client.post(PAGE, FORM | {"provider": "nobody"}))
    assert not SocialAccount.objects.exists()


def test_an_identity_of_another_account_is_not_linked(
    sign_in: SignIn, client: Client, bea: User, identity_server: IdentityServer
) -> None:
    sign_in(Client())
    client.force_login(bea)
    answer = come_back(client, client.post(PAGE, FORM), identity_server)
    assert answer.status_code == 403
    assert SocialAccount.objects.get().user.username == "dora"
    assert client.session["_auth_user_id"] == str(bea.pk)


def test_an_account_has_one_identity_at_a_provider(
    sign_in: SignIn, client: Client, bea: User, identity_server: IdentityServer
) -> None:
    client.force_login(bea)
    first, second = client.post(PAGE, FORM), client.post(PAGE, FORM)
    come_back(client, first, identity_server)
    identity_server.claims["sub"] = "subject-2"
    assert come_back(client, second, identity_server).status_code == 403
    assert SocialAccount.objects.get().uid == "subject-1"


def test_whoever_signed_in_meanwhile_is_not_linked(
    sign_in: SignIn, client: Client, bea: User, ada: User, identity_server: IdentityServer
) -> None:
    client.force_login(bea)
    page = client.post(PAGE, FORM)
    states = client.session["socialaccount_states"]
    client.force_login(ada)
    session = client.session
    session["socialaccount_states"] = states
    session.save()
    assert come_back(client, page, identity_server).status_code == 403
    assert not SocialAccount.objects.exists()


def unlinked() -> list[str]:
    return [actor_name(event) for event in Event.objects.filter(action=Action.ACCOUNT_IDENTITY_UNLINKED)]


def test_a_person_unlinks_one_of_two_ways_in(
    sign_in: SignIn, client: Client, bea: User, cy: User, ops: User, identity_server: IdentityServer
) -> None:
    client.force_login(bea)
    come_back(client, client.post(PAGE, FORM), identity_server)
    stranger = Client()
    stranger.force_login(cy)
    assert stranger.post(f"{PAGE}corp/unlink/").status_code == 404
    assert stranger.post(f"{PAGE}corp/unlink/", {"username": "bea"}).status_code == 403
    assert SocialAccount.objects.exists()
    assert client.post(f"{PAGE}corp/unlink/").status_code == 302
    assert not SocialAccount.objects.exists()
    event = Event.objects.get(action=Action.ACCOUNT_IDENTITY_UNLINKED, outcome="ok")
    assert facts(event)["before"] == {"provider": "corp", "subject": "subject-1"}
    other = Client()
    sign_in(other)
    assert other.session.get("_auth_user_id") != str(bea.pk)


def test_unlinking_somebody_else_ends_their_sessions(
    sign_in: SignIn, client: Client, ops: User, acting: Acting
) -> None:
    sign_in(client)
    dora = User.objects.get(username="dora")
    dora.set_password("dora-password-1")
    dora.save()
    sign_in(client)
    assert client.get("/account/sessions/").status_code == 200
    unlink_identity(actor=acting(ops), username="dora", provider="corp")
    assert client.get("/account/sessions/").status_code == 302


def test_the_last_way_in_is_not_unlinked(sign_in: SignIn, client: Client, ops: User) -> None:
    sign_in(client)
    assert client.post(f"{PAGE}corp/unlink/").status_code == 409
    superuser = Client()
    superuser.force_login(ops)
    assert f"{PAGE}corp/unlink/" in text_of(superuser.get("/people/dora/"))
    assert superuser.post(f"{PAGE}corp/unlink/", {"username": "dora"}).status_code == 409
    assert SocialAccount.objects.get().user.username == "dora"
    assert unlinked() == []
    dora = User.objects.get(username="dora")
    dora.set_password("dora-password-1")
    dora.save()
    assert superuser.post(f"{PAGE}corp/unlink/", {"username": "dora"}).status_code == 302
    assert unlinked() == ["ops"]
