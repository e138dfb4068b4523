from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.models import User
from accounts.signin import FAILURE_WINDOW, MAX_FAILURES, MAX_FAILURES_THERE
from tests.console.conftest import text_of

PAGES = [
    "/admin/", "/models/", "/runs/", "/experiments/", "/datasets/", "/endpoints/", "/lineage/", "/policies/", "/audit/",
    "/account/tokens/", "/records/", "/models/x/", "/runs/x/", "/admin/approvals/transitionrequest/1/change/",
]  # fmt: skip


@pytest.mark.parametrize("url", PAGES)
def test_every_page_asks_for_a_login(url: str, client: Client, db: None) -> None:
    answer = client.get(url)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/admin/login/?next=")


def test_everybody_who_is_active_signs_in(client: Client, bea: User) -> None:
    form = {"username": "bea", "password": "bea-password-1", "next": "/models/"}
    assert client.post("/admin/login/", form).headers["Location"] == "/models/"


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_signing_in_leads_nowhere_else(target: str, client: Client, bea: User) -> None:
    form = {"username": "bea", "password": "bea-password-1", "next": target}
    assert client.post("/admin/login/", form).headers["Location"] == "/"


def tried(client: Client, times: int, address: str, password: str = "", name: str = "bea") -> str:
    form = {"username": name, "password": password or "wrong"}
    return [text_of(client.post("/admin/login/", form, REMOTE_ADDR=address)) for _ in range(times)][-1]


def test_a_password_is_not_guessed_for_long(client: Client, bea: User) -> None:
    tried(client, MAX_FAILURES_THERE, "192.0.2.1")
    assert "Too many wrong passwords" in tried(client, 1, "192.0.2.1", "bea-password-1")
    assert "_auth_user_id" not in client.session
    with time_machine.travel(timezone.now() + FAILURE_WINDOW + timedelta(seconds=1)):
        tried(client, 1, "192.0.2.1", "bea-password-1")
    assert "_auth_user_id" in client.session


def test_who_guesses_elsewhere_locks_nobody_out(client: Client, bea: User, ada: User) -> None:
    tried(client, MAX_FAILURES_THERE, "192.0.2.1")
    tried(client, 1, "192.0.2.1", "ada-password-1", "ada")
    assert client.session["_auth_user_id"] == str(ada.pk)
    tried(Client(), 1, "192.0.2.2")
    tried(client, 1, "192.0.2.2", "bea-password-1")
    assert client.session["_auth_user_id"] == str(bea.pk)


def test_guessing_from_many_addresses_ends_too(client: Client, bea: User) -> None:
    for number in range(MAX_FAILURES):
        tried(client, 1, f"192.0.2.{number}")
    assert "Too many wrong passwords" in tried(client, 1, "198.51.100.1", "bea-password-1")


def test_a_service_account_cannot_sign_in(client: Client, bot: User) -> None:
    bot.set_password("bot-password-1")
    bot.save()
    page = client.post("/admin/login/", {"username": "bot", "password": "bot-password-1"})
    assert "This is a service account" in text_of(page)
    assert "_auth_user_id" not in client.session


def test_a_service_account_with_a_session_sees_no_page(client: Client, bot: User) -> None:
    client.force_login(bot)
    assert client.get("/models/").status_code == 302


def test_an_expired_session_in_a_dialog_leads_to_the_login(client: Client, db: None) -> None:
    answer = client.get("/requests/1/live/", headers={"HX-Request": "true"})
    assert answer.headers["HX-Redirect"].startswith("/admin/login/")
