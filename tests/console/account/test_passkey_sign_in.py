"""A passkey is the second factor of a sign-in with a password: without its signature nobody comes in."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.models import Passkey, User
from accounts.passkeys.assertions import STATEMENT_SECONDS, new_challenge
from accounts.passkeys.enrolment import begin_enrolment, finish_enrolment, remove_passkey
from accounts.signin import MAX_FAILURES_FROM_ADDRESS
from audit.actions import Action
from audit.models import Event
from audit.queries import facts
from tests.conftest import Acting
from tests.console.conftest import text_of
from tests.software_authenticator import Authenticator

PASSWORD = "bea-password-1"
SECOND_STEP = "/sign-in-passkey/"


@pytest.fixture
def device(bea: User, acting: Acting) -> Authenticator:
    """The device with bea's passkey."""
    device = Authenticator()
    begun = begin_enrolment(actor=acting(bea), password=PASSWORD, name="blue key")
    finish_enrolment(actor=acting(bea), token=begun.token, answer=device.create(begun.options))
    return device


def first_step(client: Client, password: str = PASSWORD) -> dict[str, str]:
    """Send the password and return the hidden fields of the second step with its options; {} without one."""
    page = text_of(client.post("/admin/login/", {"username": "bea", "password": password, "next": "/models/"}))
    places = {"options": "data-passkey-options", "token": 'name="passkey_token" value'}
    parts = {name: re.search(f'{place}="([^"]+)"', page) for name, place in places.items()}
    return {name: unescape(part[1]) for name, part in parts.items() if part}


def second_step(client: Client, token: str, answer: str) -> Any:
    return client.post(SECOND_STEP, {"passkey_token": token, "passkey_answer": answer, "next": "/models/"})


def is_signed_in(client: Client) -> bool:
    return client.get("/account/sessions/").status_code == 200


def test_signing_in_takes_the_password_and_the_passkey(device: Authenticator, client: Client) -> None:
    step = first_step(client)
    assert not is_signed_in(client)
    answer = second_step(client, step["token"], device.sign(step["options"]))
    assert (answer.status_code, answer.headers["Location"]) == (302, "/models/")
    assert is_signed_in(client)
    event = Event.objects.filter(action=Action.ACCOUNT_SIGNED_IN).latest("pk")
    assert facts(event)["after"]["second_factor"] == "passkey"


def test_a_wrong_password_gets_no_challenge(device: Authenticator, client: Client) -> None:
    assert first_step(client, "wrong") == {}


def test_an_answer_signs_in_once(device: Authenticator, client: Client) -> None:
    device.counts = False
    step = first_step(client)
    answer = device.sign(step["options"])
    assert second_step(client, step["token"], answer).status_code == 302
    assert "used before" in text_of(second_step(Client(), step["token"], answer))


def test_what_does_not_sign_in(device: Authenticator, client: Client, bea: User, acting: Acting) -> None:
    step = first_step(client)
    other = Authenticator()
    signed_for_else = new_challenge(actor=acting(bea), facts={"act": "approve", "user": bea.pk})
    tries = {
        "another passkey": (step["token"], other.sign(step["options"])),
        "a forged token": ("forged", device.sign(step["options"])),
        "a statement that is no sign-in": (signed_for_else.token, device.sign(signed_for_else.options)),
        "nothing": ("", ""),
        "no answer": (step["token"], ""),
        "NUL bytes": ("\x00", "\x00"),
    }
    for name, (token, answer) in tries.items():
        assert second_step(client, token, answer).status_code == 401, name
        assert not is_signed_in(client), name
    failed = Event.objects.filter(action=Action.ACCOUNT_AUTHENTICATION_FAILED, outcome="denied")
    assert failed.count() == len(tries)


def test_a_late_answer(device: Authenticator, client: Client) -> None:
    step = first_step(client)
    with time_machine.travel(timezone.now() + timedelta(seconds=STATEMENT_SECONDS + 1)):
        assert second_step(client, step["token"], device.sign(step["options"])).status_code == 401


def test_a_disabled_account_and_a_removed_passkey(
    device: Authenticator, client: Client, bea: User, acting: Acting
) -> None:
    step = first_step(client)
    User.objects.filter(pk=bea.pk).update(is_active=False)
    assert second_step(client, step["token"], device.sign(step["options"])).status_code == 401
    User.objects.filter(pk=bea.pk).update(is_active=True)
    remove_passkey(actor=acting(bea), passkey_id=Passkey.objects.get().pk)
    assert second_step(client, step["token"], device.sign(step["options"])).status_code == 401
    assert first_step(client) == {}
    assert is_signed_in(client)


def test_challenges_are_limited_as_wrong_passwords_are(device: Authenticator, client: Client) -> None:
    for _ in range(MAX_FAILURES_FROM_ADDRESS):
        step = first_step(client)
    assert second_step(client, step["token"], device.sign(step["options"])).status_code == 302
    assert first_step(client) != {}, "who came in is not counted"
    assert first_step(client) == {}
