import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import User
from accounts.signin import FAILURE_WINDOW, MAX_FAILURES, MAX_FAILURES_FROM_ADDRESS
from audit.actions import Action
from audit.models import Event
from tests.console.conftest import text_of

PAGES = [
    "/admin/", "/models/", "/runs/", "/experiments/", "/datasets/", "/endpoints/", "/lineage/", "/policies/", "/audit/",
    "/account/tokens/", "/records/", "/models/x/", "/runs/x/", "/admin/approvals/transitionrequest/1/change/",
]  # fmt: skip


@pytest.mark.parametrize("url", PAGES)
def test_every_page_needs_a_sign_in(url: str, client: Client, db: None) -> None:
    answer = client.get(url)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/admin/login/?next=")


def test_every_active_person_can_sign_in(client: Client, bea: User) -> None:
    form = {"username": "bea", "password": "bea-password-1", "next": "/models/"}
    assert client.post("/admin/login/", form).headers["Location"] == "/models/"


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_sign_in_never_redirects_to_another_host(target: str, client: Client, bea: User) -> None:
    form = {"username": "bea", "password": "bea-password-1", "next": target}
    assert client.post("/admin/login/", form).headers["Location"] == "/"


def tried(client: Client, times: int, address: str, password: str = "", name: str = "bea") -> str:
    form = {"username": name, "password": password or "wrong"}
    return [text_of(client.post("/admin/login/", form, REMOTE_ADDR=address)) for _ in range(times)][-1]


def test_too_many_wrong_passwords_lock_a_name(client: Client, bea: User) -> None:
    tried(client, MAX_FAILURES_FROM_ADDRESS, "192.0.2.1")
    assert "Too many wrong passwords" in tried(client, 1, "192.0.2.1", "bea-password-1")
    assert "_auth_user_id" not in client.session
    with time_machine.travel(timezone.now() + FAILURE_WINDOW + timedelta(seconds=1)):
        tried(client, 1, "192.0.2.1", "bea-password-1")
    assert "_auth_user_id" in client.session


def test_attempts_from_another_address_do_not_lock_a_person(client: Client, bea: User, ada: User) -> None:
    tried(client, MAX_FAILURES_FROM_ADDRESS, "192.0.2.1")
    tried(client, 1, "192.0.2.1", "ada-password-1", "ada")
    assert client.session["_auth_user_id"] == str(ada.pk)
    tried(Client(), 1, "192.0.2.2")
    tried(client, 1, "192.0.2.2", "bea-password-1")
    assert client.session["_auth_user_id"] == str(bea.pk)


def test_attempts_from_many_addresses_are_limited(client: Client, bea: User) -> None:
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


@pytest.mark.django_db(transaction=True)
def test_parallel_attempts_are_limited() -> None:
    User.objects.create_user("bea", password="bea-password-1")
    barrier = threading.Barrier(25)

    def guess(number: int) -> str:
        try:
            barrier.wait(timeout=30)
            form = {"username": "bea", "password": f"wrong-{number}"}
            answer = Client().post("/admin/login/", form, REMOTE_ADDR="192.0.2.1")
            if answer.status_code == 503:  # a busy machine: this one was not told
                return "cannot tell"
            return "refused" if "Too many" in text_of(answer) else "tried"
        finally:
            connection.close()

    with ThreadPoolExecutor(25) as pool:
        answers = list(pool.map(guess, range(25)))
    assert answers.count("tried") + answers.count("cannot tell") >= MAX_FAILURES_FROM_ADDRESS >= answers.count("tried")
    assert Event.objects.filter(action=Action.ACCOUNT_AUTHENTICATION_FAILED).count() <= MAX_FAILURES_FROM_ADDRESS


def test_right_passwords_are_not_counted(client: Client, bea: User) -> None:
    for _ in range(MAX_FAILURES_FROM_ADDRESS + 1):
        tried(client, 1, "192.0.2.1", "bea-password-1")
        client.logout()
    tried(client, 1, "192.0.2.1", "bea-password-1")
    assert client.session["_auth_user_id"] == str(bea.pk)
