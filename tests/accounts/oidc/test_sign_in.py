"""Signing in at an identity provider: which account it is, which groups it has, and what is recorded."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import Group
from django.db import DatabaseError, transaction
from django.test import Client
from pytest_django import Settings

from accounts.models import AccountChange, User
from accounts.oidc.configuration import IdentityProvider
from audit.actions import Action
from audit.models import Event
from audit.queries import actor_name, facts
from tests.accounts.oidc.conftest import GROUPS, SignIn, address_of_provider, provider_of
from tests.accounts.oidc.identity_server import IdentityServer
from tests.console.conftest import text_of


def signed_in_as(client: Client) -> str:
    pk = client.session.get("_auth_user_id")
    return User.objects.get(pk=pk).username if pk else ""


def test_the_first_sign_in_makes_an_account_and_the_next_finds_it(sign_in: SignIn) -> None:
    first, second = Client(), Client()
    answer = sign_in(first)
    assert (answer.status_code, answer["Location"]) == (302, "/models/")
    sign_in(second)
    assert [signed_in_as(first), signed_in_as(second)] == ["dora", "dora"]
    dora = User.objects.get(username="dora")
    assert (dora.get_full_name(), dora.email, dora.has_usable_password()) == ("Dora Day", "dora@example.com", False)
    assert list(SocialAccount.objects.values_list("user_id", "provider", "uid")) == [(dora.pk, "corp", "subject-1")]
    events = Event.objects.filter(outcome="ok").order_by("id")
    assert [(event.action, actor_name(event)) for event in events] == [
        (Action.ACCOUNT_USER_CREATED, "sign-in:corp"),
        (Action.ACCOUNT_IDENTITY_LINKED, "sign-in:corp"),
        (Action.ACCOUNT_SIGNED_IN, "dora"),
        (Action.ACCOUNT_SIGNED_IN, "dora"),
    ]
    assert facts(events[3])["after"] == {"address": "127.0.0.1", "provider": "corp"}


def test_the_session_gets_a_new_key(sign_in: SignIn) -> None:
    client = Client()
    client.post("/sign-in/corp/")
    before = client.session.session_key
    sign_in(client)
    assert client.session.session_key != before


def test_the_login_page_has_a_button_for_each_provider(provider: IdentityProvider, client: Client, db: None) -> None:
    page = text_of(client.get("/admin/login/?next=/models/"))
    assert 'action="/sign-in/corp/"' in page
    assert "Sign in with Corp" in page
    assert 'name="password"' in page


def test_the_provider_is_asked_with_pkce_state_and_nonce(provider: IdentityProvider, client: Client, db: None) -> None:
    url = address_of_provider(client.post("/sign-in/corp/?scope=admin&auth_params=prompt%3Dnone", {"next": "/"}))
    params = parse_qs(urlsplit(url).query)
    assert params["code_challenge_method"] == ["S256"]
    assert params["response_type"] == ["code"]
    assert set(params["scope"][0].split()) == {"openid", "profile", "email"}
    assert "prompt" not in params
    assert len(params["nonce"][0]) >= 32
    assert params["redirect_uri"] == ["http://testserver/sign-in/corp/callback/"]
    assert len(params["state"][0]) >= 16


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:alert(1)", ""])
def test_nobody_is_sent_to_another_host_afterwards(target: str, sign_in: SignIn, client: Client) -> None:
    assert sign_in(client, following=target)["Location"] == "/"


@pytest.mark.parametrize("taken", ["dora", "DORA", "dor\N{CYRILLIC SMALL LETTER A}"])
def test_an_account_is_not_found_by_its_name(
    taken: str, sign_in: SignIn, client: Client, identity_server: IdentityServer
) -> None:
    User.objects.create_user(taken, email="dora@example.com", password="dora-password-1")
    answer = sign_in(client)
    assert answer.status_code == 403
    assert "No account could be made for you" in text_of(answer)
    assert (signed_in_as(client), User.objects.count()) == ("", 1)
    assert not SocialAccount.objects.exists()


def test_an_account_is_not_found_by_its_address(
    sign_in: SignIn, client: Client, ada: User, identity_server: IdentityServer
) -> None:
    User.objects.filter(pk=ada.pk).update(email="dora@example.com")
    sign_in(client)
    assert signed_in_as(client) == "dora"


def test_two_providers_with_the_same_subject_are_two_people(
    sign_in: SignIn, identity_server: IdentityServer, settings: Settings
) -> None:
    second = provider_of(identity_server, id="other", name="Other", groups={})
    settings.IDENTITY_PROVIDERS = (*settings.IDENTITY_PROVIDERS, second)
    one, two = Client(), Client()
    sign_in(one)
    identity_server.claims["preferred_username"] = "dina"
    sign_in(two, "other")
    assert [signed_in_as(one), signed_in_as(two)] == ["dora", "dina"]


def test_the_answer_to_one_provider_does_not_serve_another(
    sign_in: SignIn, client: Client, identity_server: IdentityServer, settings: Settings
) -> None:
    settings.IDENTITY_PROVIDERS = (*settings.IDENTITY_PROVIDERS, provider_of(identity_server, id="other", groups={}))
    back = identity_server.authorize(address_of_provider(client.post("/sign-in/corp/")))
    answer = client.get(back.replace("/corp/", "/other/").removeprefix("http://testserver"))
    assert (answer.status_code, signed_in_as(client)) == (403, "")


@pytest.mark.parametrize("change", [{"is_active": False}, {"is_service": True}])
def test_an_account_that_is_not_active_is_refused(change: dict[str, bool], sign_in: SignIn, client: Client) -> None:
    sign_in(Client())
    User.objects.filter(username="dora").update(**change)
    answer = sign_in(client)
    assert (answer.status_code, signed_in_as(client)) == (403, "")
    event = Event.objects.get(outcome="denied")
    assert (event.action, facts(event)["object"]) == (Action.ACCOUNT_AUTHENTICATION_FAILED, "user:dora")
    assert facts(event)["reason"] == "the account is not active"


def groups_of(username: str = "dora") -> set[str]:
    return set(User.objects.get(username=username).groups.values_list("name", flat=True))


def test_groups_follow_the_claim_and_other_groups_stay(
    sign_in: SignIn, client: Client, identity_server: IdentityServer
) -> None:
    identity_server.claims["groups"] = ["ml-reviewers", "somebody-else"]
    sign_in(client)
    assert groups_of() == {"reviewers"}
    User.objects.get(username="dora").groups.add(Group.objects.get(name="operators"))
    identity_server.claims["groups"] = ["ml-auditors"]
    sign_in(client)
    assert groups_of() == {"auditors", "operators"}
    identity_server.claims["groups"] = []
    sign_in(client)
    assert groups_of() == {"operators"}
    changes = [facts(event) for event in Event.objects.filter(action=Action.ACCOUNT_USER_CHANGED).order_by("id")]
    assert [(each["before"]["groups"], each["after"]["groups"]) for each in changes] == [
        ([], ["reviewers"]),
        (["operators", "reviewers"], ["auditors", "operators"]),
        (["auditors", "operators"], ["operators"]),
    ]
    added = AccountChange.objects.filter(kind="group_added", made_by="sign-in:corp").order_by("id")
    assert [each.detail for each in added] == ["reviewers", "auditors"]


@pytest.mark.parametrize("claim", [None, {"a": 1}, 7, [1, 2]])
def test_an_absent_claim_is_not_an_empty_list(
    claim: Any, sign_in: SignIn, client: Client, identity_server: IdentityServer
) -> None:
    identity_server.claims["groups"] = ["ml-reviewers"]
    sign_in(client)
    identity_server.claims.pop("groups")
    if claim is not None:
        identity_server.claims["groups"] = claim
    sign_in(client)
    assert groups_of() == {"reviewers"}


def test_no_claim_makes_a_superuser(sign_in: SignIn, client: Client, identity_server: IdentityServer) -> None:
    identity_server.claims |= {"groups": list(GROUPS), "is_superuser": True, "is_staff": True}
    sign_in(client)
    dora = User.objects.get(username="dora")
    assert (dora.is_superuser, dora.is_staff) == (False, False)


@pytest.mark.parametrize("name", ["do\x00ra", "do\ud800ra", "two words", "\ufb03" * 51])
def test_a_username_that_cannot_be_stored_is_refused(
    name: str, sign_in: SignIn, client: Client, identity_server: IdentityServer
) -> None:
    identity_server.claims["preferred_username"] = name
    assert sign_in(client).status_code == 403
    assert not User.objects.filter(is_superuser=False).exists()
    assert Event.objects.get(outcome="denied").action == Action.ACCOUNT_AUTHENTICATION_FAILED


@pytest.mark.parametrize("odd", ["\x00", "\ud800"])
def test_a_profile_is_stored_without_what_no_database_takes(
    odd: str, sign_in: SignIn, client: Client, identity_server: IdentityServer
) -> None:
    identity_server.claims |= {"given_name": f"Do{odd}ra", "email": f"dora@ex{odd}ample.com"}
    assert sign_in(client).status_code == 302
    dora = User.objects.get(username="dora")
    assert (dora.first_name, dora.email) == ("Dora", "")


def test_another_provider_under_an_old_id_signs_nobody_in(
    sign_in: SignIn, identity_server: IdentityServer, settings: Settings
) -> None:
    sign_in(Client())
    SocialAccount.objects.update(extra_data={"issuer": "https://old.example.com"})
    refused = Client()
    answer = sign_in(refused)
    assert answer.status_code == 403
    assert "has another address" in text_of(answer)
    assert signed_in_as(refused) == ""
    assert "https://old.example.com" in facts(Event.objects.get(outcome="denied"))["reason"]
    moved = provider_of(identity_server, former_urls=("https://old.example.com/.well-known/openid-configuration",))
    settings.IDENTITY_PROVIDERS = (moved,)
    client = Client()
    sign_in(client)
    assert signed_in_as(client) == "dora"


def test_a_link_from_before_issuers_were_kept_stays(sign_in: SignIn) -> None:
    sign_in(Client())
    assert SocialAccount.objects.get().extra_data["issuer"].startswith("http://127.0.0.1:")
    SocialAccount.objects.update(extra_data={})
    client = Client()
    sign_in(client)
    assert signed_in_as(client) == "dora"


def test_sessions_end_with_their_provider(
    sign_in: SignIn, client: Client, provider: IdentityProvider, settings: Settings
) -> None:
    sign_in(client)
    page = "/account/sessions/"
    assert client.get(page).status_code == 200
    settings.IDENTITY_PROVIDERS = ()
    assert client.get(page).status_code == 302
    assert client.get("/admin/").status_code == 302
    assert client.get("/api/v1/models").status_code == 401
    settings.IDENTITY_PROVIDERS = (provider,)
    assert client.get(page).status_code == 200


def test_a_session_with_a_password_needs_no_provider(
    sign_in: SignIn, client: Client, provider: IdentityProvider, settings: Settings
) -> None:
    sign_in(client)
    user = User.objects.get(username="dora")
    user.set_password("dora-password-1")
    user.save()
    client.post("/admin/login/", {"username": "dora", "password": "dora-password-1"})
    settings.IDENTITY_PROVIDERS = ()
    assert client.get("/account/sessions/").status_code == 200


def test_an_identity_keeps_its_account(sign_in: SignIn, client: Client, ada: User) -> None:
    sign_in(client)
    for change in ({"user": ada}, {"uid": "other"}, {"provider": "other"}):
        with pytest.raises(DatabaseError), transaction.atomic():
            SocialAccount.objects.update(**change)


def test_allauths_own_pages_are_not_served(client: Client, db: None) -> None:
    for path in ("/accounts/login/", "/accounts/signup/", "/accounts/email/", "/accounts/social/connections/"):
        assert client.get(path).status_code == 404
