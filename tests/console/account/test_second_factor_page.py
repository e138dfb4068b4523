"""An authenticator app is added by its code, and asked for at the next sign-in; recovery codes replace a lost one."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Iterator
from html import unescape

import pytest
import segno
import time_machine
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.hotp import HOTP
from django.db import DatabaseError, transaction
from django.test import Client
from pytest_django import Settings

from accounts.models import AuthenticatorApp, RecoveryCode, User
from accounts.second_factor.codes import DIGITS, STEP_SECONDS
from accounts.signin import MAX_FAILURES_FROM_ADDRESS
from audit.actions import Action
from audit.models import Event
from audit.queries import actor_name, facts
from tests.console.conftest import SignedIn, text_of

PAGE = "/account/second-factor/"
PASSWORD = "bea-password-1"


def code_of(secret: str, steps_later: int = 0) -> str:
    step = int(time.time()) // STEP_SECONDS + steps_later
    return HOTP(base64.b32decode(secret), DIGITS, SHA1()).generate(step).decode()  # noqa: S303 - what the apps have


def begin(client: Client, password: str = PASSWORD) -> tuple[str, str]:
    """Begin to add an app; return the key that the page shows, and the token of the addition."""
    page = text_of(client.post(PAGE, {"verb": "add", "password": password}))
    key, token = re.search(r'id="app-key">([A-Z2-7]+)<', page), re.search(r'name="token" value="([^"]+)"', page)
    assert key is not None
    assert token is not None
    return key[1], token[1]


def recovery_codes(page: str) -> list[str]:
    return re.findall(r"[a-z2-7]{4}(?:-[a-z2-7]{4}){3}", page)


@pytest.fixture(autouse=True)
def _at_rest() -> Iterator[None]:
    """Stop the clock, so that no time step passes within a test."""
    with time_machine.travel(time.time(), tick=False):
        yield


@pytest.fixture
def enrolled(bea: User, signed_in: SignedIn) -> tuple[str, list[str]]:
    """Bea has an authenticator app: its key, and the recovery codes."""
    client = signed_in(bea)
    secret, token = begin(client)
    page = text_of(client.post(f"{PAGE}add/", {"token": token, "code": code_of(secret)}))
    return secret, recovery_codes(page)


def sign_in(code: str = "", password: str = PASSWORD) -> bool:
    client = Client()
    client.post("/admin/login/", {"username": "bea", "password": password, "code": code})
    return "_auth_user_id" in client.session


def test_an_app_is_added_by_its_code(bea: User, signed_in: SignedIn) -> None:
    client = signed_in(bea)
    assert 'role="alert"' in text_of(client.post(PAGE, {"verb": "add", "password": "wrong"}))
    secret, token = begin(client)
    assert "not the code" in text_of(client.post(f"{PAGE}add/", {"token": token, "code": "000000"}))
    assert not AuthenticatorApp.objects.exists()
    page = text_of(client.post(f"{PAGE}add/", {"token": token, "code": code_of(secret)}))
    codes = recovery_codes(page)
    assert len(set(codes)) == 10
    assert secret not in str(AuthenticatorApp.objects.values().get())
    assert not set(codes) & set(RecoveryCode.objects.values_list("digest", flat=True))
    event = Event.objects.get(action=Action.ACCOUNT_SECOND_FACTOR_ADDED)
    assert (actor_name(event), facts(event)["object"]) == ("bea", "user:bea")
    assert secret.encode() not in bytes(event.body)
    assert not recovery_codes(text_of(client.get(PAGE)))


def test_the_qr_code_is_that_of_the_key(bea: User, signed_in: SignedIn) -> None:
    page = text_of(signed_in(bea).post(PAGE, {"verb": "add", "password": PASSWORD}))
    uri = re.search(r'href="(otpauth://[^"]+)"', page)
    picture = re.search(r'<img class="c-qr" src="(data:image/svg\+xml[^"]+)"', page)
    assert uri is not None
    assert picture is not None
    code = segno.make(unescape(uri[1]), error="m")
    assert unescape(picture[1]) == code.svg_data_uri(scale=4, dark="#000", light="#fff")
    assert bea.username in uri[1]


def test_the_token_of_somebody_else_adds_nothing(bea: User, ada: User, signed_in: SignedIn) -> None:
    secret, token = begin(signed_in(bea))
    signed_in(ada).post(f"{PAGE}add/", {"token": token, "code": code_of(secret)})
    signed_in(ada).post(f"{PAGE}add/", {"token": "forged", "code": code_of(secret)})
    assert not AuthenticatorApp.objects.exists()


def test_signing_in_takes_the_password_and_a_code(enrolled: tuple[str, list[str]]) -> None:
    secret, _ = enrolled
    assert not sign_in()
    assert not sign_in(code_of(secret, 1), password="wrong")
    assert not sign_in(code_of(secret, 5))
    assert not sign_in(code_of(secret)), "the code that added the app is used up"
    assert sign_in(code_of(secret, 1))
    assert not sign_in(code_of(secret, 1)), "a code is accepted once"
    event = Event.objects.filter(action=Action.ACCOUNT_SIGNED_IN).latest("pk")
    assert facts(event)["after"]["second_factor"] == "code"


def test_a_wrong_code_is_one_event(enrolled: tuple[str, list[str]]) -> None:
    assert not sign_in("123")
    event = Event.objects.get(action=Action.ACCOUNT_AUTHENTICATION_FAILED)
    assert (facts(event)["object"], event.outcome) == ("user:bea", "denied")
    assert "second factor" in facts(event)["reason"]


def test_wrong_codes_are_limited_as_passwords_are(enrolled: tuple[str, list[str]]) -> None:
    secret, _ = enrolled
    for _number in range(MAX_FAILURES_FROM_ADDRESS):
        assert not sign_in("000000")
    assert not sign_in(code_of(secret, 1))


def test_a_recovery_code_signs_in_once(enrolled: tuple[str, list[str]]) -> None:
    _, codes = enrolled
    assert sign_in(codes[0].upper().replace("-", " "))
    assert not sign_in(codes[0])
    assert sign_in(codes[1])
    with pytest.raises(DatabaseError), transaction.atomic():
        RecoveryCode.objects.update(used_at=None)


def test_new_recovery_codes_replace_the_old_ones(
    enrolled: tuple[str, list[str]], bea: User, signed_in: SignedIn
) -> None:
    _, codes = enrolled
    page = text_of(signed_in(bea).post(PAGE, {"verb": "renew", "password": PASSWORD}))
    assert len(set(recovery_codes(page)) - set(codes)) == 10
    assert not sign_in(codes[0])
    assert sign_in(recovery_codes(page)[0])
    assert Event.objects.filter(action=Action.ACCOUNT_RECOVERY_CODES_RENEWED).count() == 1


def test_an_app_is_removed_with_the_password(enrolled: tuple[str, list[str]], bea: User, signed_in: SignedIn) -> None:
    client = signed_in(bea)
    client.post(PAGE, {"verb": "remove", "password": "wrong"})
    assert not sign_in()
    assert client.post(PAGE, {"verb": "remove", "password": PASSWORD}).status_code == 302
    assert sign_in()
    assert AuthenticatorApp.objects.get().sealed_secret == ""
    assert Event.objects.filter(action=Action.ACCOUNT_SECOND_FACTOR_REMOVED, outcome="ok").count() == 1


def test_a_superuser_removes_a_lost_app(
    enrolled: tuple[str, list[str]], cy: User, ops: User, signed_in: SignedIn
) -> None:
    path = f"{PAGE}remove/bea/"
    assert signed_in(cy).post(path).status_code == 403
    assert path in text_of(signed_in(ops).get("/people/bea/"))
    assert path not in text_of(signed_in(cy).get("/people/bea/"))
    assert not sign_in()
    assert signed_in(ops).post(path).status_code == 302
    assert sign_in()


def test_where_all_need_one_nothing_else_is_open(bea: User, signed_in: SignedIn, settings: Settings) -> None:
    settings.SECOND_FACTOR = "all"
    client = signed_in(bea)
    for path in ("/models/", "/account/tokens/"):
        assert client.get(path).headers["Location"] == PAGE
    assert client.get("/api/v1/models").status_code == 403
    for path in (PAGE, "/account/passkeys/"):
        assert client.get(path).status_code == 200
    secret, token = begin(client)
    client.post(f"{PAGE}add/", {"token": token, "code": code_of(secret)})
    assert client.get("/models/").status_code == 200
