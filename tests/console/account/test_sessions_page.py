"""A person sees where they are signed in and ends sessions; a superuser does so for others."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.administration import deactivate_user, set_password
from accounts.browser_sessions import USE_SECONDS
from accounts.models import BrowserSession, User
from accounts.reauthentication import MAX_FAILURES
from audit.actions import Action
from audit.models import Event
from audit.queries import actor_name, facts
from tests.conftest import Acting
from tests.console.conftest import SignedIn, text_of

PAGE = "/account/sessions/"


def is_signed_in(client: Client) -> bool:
    return client.get(PAGE).status_code == 200


def ends() -> list[tuple[str, str, int]]:
    """Return who ended whose sessions, and how many."""
    events = Event.objects.filter(action=Action.ACCOUNT_SESSIONS_ENDED, outcome="ok").order_by("pk")
    return [(actor_name(each), facts(each)["object"], facts(each)["after"]["sessions_ended"]) for each in events]


@pytest.fixture
def phone(ada: User) -> Client:
    """Ada's phone, in which she signed in by the form."""
    client = Client(headers={"User-Agent": "Phone/1.0"}, REMOTE_ADDR="192.0.2.7")
    client.post("/admin/login/", {"username": "ada", "password": "ada-password-1"})
    return client


def test_a_person_sees_their_sessions(phone: Client, ada: User, bea: User, signed_in: SignedIn) -> None:
    page = text_of(signed_in(ada).get(PAGE))
    assert "Phone/1.0" in page
    assert "192.0.2.7" in page
    assert page.count("This one") == 1
    assert "Phone/1.0" not in text_of(signed_in(bea).get(PAGE))


def test_a_person_ends_one_session(phone: Client, ada: User, signed_in: SignedIn) -> None:
    client = signed_in(ada)
    row = BrowserSession.objects.get(browser="Phone/1.0")
    assert client.post(f"{PAGE}{row.pk}/end/").status_code == 302
    assert (is_signed_in(phone), is_signed_in(client)) == (False, True)
    assert ends() == [("ada", "user:ada", 1)]
    assert client.post(f"{PAGE}{row.pk}/end/").status_code == 404


def test_ending_the_session_of_this_browser_signs_out(phone: Client) -> None:
    row = BrowserSession.objects.get()
    assert phone.post(f"{PAGE}{row.pk}/end/").headers["Location"] == "/admin/login/"
    assert not is_signed_in(phone)


def test_a_person_signs_out_everywhere(phone: Client, ada: User, bea: User, signed_in: SignedIn) -> None:
    client, other = signed_in(ada), signed_in(bea)
    assert client.post(f"{PAGE}end/").status_code == 302
    assert (is_signed_in(phone), is_signed_in(client), is_signed_in(other)) == (False, False, True)
    assert ends() == [("ada", "user:ada", 2)]


def test_nobody_else_ends_them(phone: Client, ada: User, cy: User, signed_in: SignedIn) -> None:
    row, client = BrowserSession.objects.get(), signed_in(cy)
    assert client.post(f"{PAGE}{row.pk}/end/").status_code == 404
    assert client.post(f"{PAGE}end/", {"username": "ada"}).status_code == 403
    assert "Phone/1.0" not in text_of(client.get("/people/ada/"))
    assert is_signed_in(phone)
    assert ends() == []


def test_a_superuser_ends_those_of_others(phone: Client, ada: User, ops: User, signed_in: SignedIn) -> None:
    client = signed_in(ops)
    assert "Phone/1.0" in text_of(client.get("/people/ada/"))
    assert client.post(f"{PAGE}end/", {"username": "ada"}).status_code == 302
    assert client.post(f"{PAGE}end/", {"username": "nobody"}).status_code == 404
    assert not is_signed_in(phone)
    assert ends() == [("ops", "user:ada", 1)]


def test_a_deactivated_account_has_no_sessions(phone: Client, ada: User, ops: User, acting: Acting) -> None:
    deactivate_user(actor=acting(ops), username="ada")
    User.objects.filter(pk=ada.pk).update(is_active=True)
    assert not is_signed_in(phone), "a session must not come back with the account"


def test_a_new_password_ends_the_other_sessions(phone: Client, ada: User, signed_in: SignedIn) -> None:
    client = signed_in(ada)
    new = {"old_password": "ada-password-1", "new_password1": "another-word-9", "new_password2": "another-word-9"}
    assert client.post("/admin/password_change/", new).status_code == 302
    assert (is_signed_in(phone), is_signed_in(client)) == (False, True)
    assert ends() == [("ada", "user:ada", 1)]
    event = Event.objects.get(action=Action.ACCOUNT_USER_CHANGED)
    assert (actor_name(event), facts(event)["object"]) == ("ada", "user:ada")
    assert "This one" in text_of(client.get(PAGE)), "the renewed session is noted"


def test_guesses_of_the_old_password_are_limited(ada: User, signed_in: SignedIn) -> None:
    new = {"old_password": "wrong", "new_password1": "another-word-9", "new_password2": "another-word-9"}
    client = signed_in(ada)
    for _ in range(MAX_FAILURES):
        client.post("/admin/password_change/", new)
    answer = client.post("/admin/password_change/", new | {"old_password": "ada-password-1"}, follow=True)
    assert "Too many wrong passwords" in text_of(answer)
    assert User.objects.get(pk=ada.pk).check_password("ada-password-1")
    assert Event.objects.filter(outcome="denied").count() == MAX_FAILURES + 1


def test_a_wrong_old_password_ends_nothing(phone: Client, ada: User, signed_in: SignedIn) -> None:
    new = {"old_password": "wrong", "new_password1": "another-word-9", "new_password2": "another-word-9"}
    assert "Wrong password." in text_of(signed_in(ada).post("/admin/password_change/", new, follow=True))
    assert is_signed_in(phone)
    assert not Event.objects.filter(action=Action.ACCOUNT_USER_CHANGED).exists()


def test_a_password_set_by_a_superuser_ends_them(phone: Client, ops: User, acting: Acting) -> None:
    set_password(actor=acting(ops), username="ada", password="another-word-9")
    assert not is_signed_in(phone)
    assert ends() == [("ops", "user:ada", 1)]


def test_the_last_use_is_exact_to_minutes(phone: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    before = BrowserSession.objects.get().last_used_at
    is_signed_in(phone)
    assert BrowserSession.objects.get().last_used_at == before
    monkeypatch.setattr("accounts.browser_sessions._NOTED", {})
    with time_machine.travel(timezone.now() + timedelta(seconds=USE_SECONDS)):
        is_signed_in(phone)
    assert BrowserSession.objects.get().last_used_at > before


def test_more_sessions_take_no_more_queries(ada: User, signed_in: SignedIn) -> None:
    client = signed_in(ada)

    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            client.get(PAGE)
        return len(queries)

    before = count()
    for _ in range(5):
        signed_in(ada)
    assert count() == before
