"""Passwords switched off: no form, no sign-in, and a link by a command as the way back in."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

import pytest
import time_machine
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command
from django.db import DatabaseError, transaction
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.approval_sessions import start_approval_session
from accounts.models import SignInLink, User
from accounts.sign_in_links import LINK_LIFE, issue_sign_in_link
from audit.actions import Action
from audit.models import Event
from audit.queries import actor_name, facts
from core.actors import system_actor
from core.errors import Denied
from tests.conftest import Acting
from tests.console.conftest import text_of

FORM = {"username": "bea", "password": "bea-password-1"}


@pytest.fixture
def off(settings: Settings) -> None:
    settings.LOCAL_PASSWORDS = False


def link_for(username: str) -> str:
    return f"/sign-in-links/{issue_sign_in_link(actor=system_actor('command:sign_in_link'), username=username)}/"


def test_without_passwords_there_is_no_form(off: None, client: Client, db: None) -> None:
    page = text_of(client.get("/admin/login/"))
    assert 'name="password"' not in page
    assert "no identity provider is set up" in page


def test_the_right_password_is_refused_on_the_page_and_behind_it(off: None, client: Client, bea: User) -> None:
    answer = client.post("/admin/login/", FORM)
    assert "Passwords are switched off on this server" in text_of(answer)
    assert "_auth_user_id" not in client.session
    assert authenticate(None, **FORM) is None
    event = Event.objects.get(outcome="denied")
    assert (event.action, facts(event)["object"]) == (Action.ACCOUNT_AUTHENTICATION_FAILED, "user:bea")


def test_a_session_from_before_goes_on(settings: Settings, client: Client, bea: User) -> None:
    client.post("/admin/login/", FORM)
    settings.LOCAL_PASSWORDS = False
    assert client.get("/models/").status_code == 200


def test_a_link_signs_one_person_in_once(off: None, bea: User) -> None:
    path = link_for("bea")
    client, other = Client(), Client()
    assert "Sign in as bea" in text_of(client.get(path))
    assert client.get(path).status_code == 200, "looking at it does not use it up"
    assert client.post(path).status_code == 302
    assert client.get("/models/").status_code == 200
    assert (other.get(path).status_code, other.post(path).status_code) == (404, 404)
    assert "_auth_user_id" not in other.session
    event = Event.objects.get(action=Action.ACCOUNT_SIGNED_IN)
    assert (actor_name(event), facts(event)["after"]["by"]) == ("bea", "sign-in link")
    with pytest.raises(DatabaseError), transaction.atomic():
        SignInLink.objects.update(used_at=None)


def test_a_link_lasts_ten_minutes(bea: User) -> None:
    with time_machine.travel(timezone.now() - LINK_LIFE - timedelta(seconds=1), tick=False):
        path = link_for("bea")
    assert Client().post(path).status_code == 404


@pytest.mark.parametrize("change", [{"is_active": False}, {"is_service": True}])
def test_a_link_ends_with_the_account(change: dict[str, bool], bea: User) -> None:
    path = link_for("bea")
    User.objects.filter(pk=bea.pk).update(**change)
    assert Client().post(path).status_code == 404


def test_the_command_prints_the_link_with_an_event(bea: User, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("sign_in_link", "bea", "--url", "https://models.example.com/")
    link = capsys.readouterr().out.strip()
    assert link.startswith("https://models.example.com/sign-in-links/")
    event = Event.objects.get()
    assert (event.action, facts(event)["object"], actor_name(event)) == (
        Action.ACCOUNT_SIGN_IN_LINK_ISSUED,
        "user:bea",
        "command:sign_in_link",
    )
    secret = urlsplit(link).path.strip("/").rpartition("/")[2]
    assert secret.encode() not in bytes(event.body)
    assert secret not in SignInLink.objects.get().digest
    assert Client().post(urlsplit(link).path).status_code == 302


def test_the_command_refuses_whom_it_must(bot: User, db: None) -> None:
    for name in ("nobody", "bot"):
        with pytest.raises(CommandError, match="There is no active person"):
            call_command("sign_in_link", name, "--url", "https://models.example.com")
    with pytest.raises(CommandError, match="--url"):
        call_command("sign_in_link", "nobody")


def test_nobody_makes_a_link_from_the_pages(ops: User, acting: Acting) -> None:
    with pytest.raises(Denied):
        issue_sign_in_link(actor=acting(ops), username="bea")
    assert not SignInLink.objects.exists()


def test_a_password_that_is_switched_off_confirms_nothing(off: None, bea: User, acting: Acting) -> None:
    with pytest.raises(Denied, match="no password on this server"):
        start_approval_session(actor=acting(bea), password="bea-password-1", session_key="browser")
