"""Signing in and out, and failing to, leave events."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.signals import user_login_failed
from django.test import Client, RequestFactory

from accounts.models import User
from audit.actions import Action
from audit.models import Event
from audit.queries import actor_name, describe, facts


def test_signing_in_and_out(ada: User) -> None:
    client = Client()
    assert client.login(username="ada", password="ada-password-1")
    client.logout()
    events = Event.objects.order_by("id")
    assert [(event.action, actor_name(event), facts(event)["object"]) for event in events] == [
        (Action.ACCOUNT_SIGNED_IN, "ada", "user:ada"),
        (Action.ACCOUNT_SIGNED_OUT, "ada", "user:ada"),
    ]
    assert facts(events[0])["actor"]["auth"] == "session"


@pytest.mark.parametrize("name", ["ada", "nobody", "x" * 1000, ""])
def test_a_failed_try_names_who_was_tried_and_no_password(ada: User, name: str) -> None:
    request = RequestFactory().post("/admin/login/", REMOTE_ADDR="192.0.2.7")
    assert authenticate(request, username=name, password="wrong-secret") is None
    event = Event.objects.get()
    assert (event.action, event.outcome, actor_name(event)) == ("account.authentication.failed", "denied", "anonymous")
    assert facts(event)["after"] == {"address": "192.0.2.7"}
    assert b"wrong-secret" not in bytes(event.body)
    assert describe(event).startswith("Somebody not signed in was not allowed to sign in as ")


def test_a_name_no_database_holds_is_still_recorded(db: None) -> None:
    user_login_failed.send(sender=__name__, credentials={"username": "a\x00da\ud800"}, request=None)
    assert facts(Event.objects.get())["object"].startswith("user:a\N{REPLACEMENT CHARACTER}da")


def test_a_session_that_had_expired_signs_nobody_out(db: None) -> None:
    Client().logout()
    assert not Event.objects.exists()


def test_the_login_page_fails_with_an_event(ada: User, client: Client) -> None:
    response: Any = client.post("/admin/login/", {"username": "ada", "password": "nope"})
    assert response.status_code == 200
    assert facts(Event.objects.get())["object"] == "user:ada"
