"""The page of a person's passkeys, and their removal by a superuser on the page of the person."""

from __future__ import annotations

import html
import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Passkey, User
from tests.console.conftest import SignedIn, text_of
from tests.software_authenticator import Authenticator

FORM = {"name": "blue key", "password": "bea-password-1"}


def begin(client: Client) -> tuple[str, str]:
    """Return the options and the token that the page holds after the password."""
    text = client.post("/account/passkeys/", FORM).content.decode()
    options = re.search(r'data-passkey-options="([^"]+)"', text)
    token = re.search(r'name="passkey_token" value="([^"]+)"', text)
    assert options, text
    assert token, text
    return html.unescape(options[1]), token[1]


def add(client: Client) -> Passkey:
    options, token = begin(client)
    client.post("/account/passkeys/add/", {"passkey_token": token, "passkey_answer": Authenticator().create(options)})
    return Passkey.objects.latest("pk")


def test_a_passkey_is_added_and_removed(bea: User, signed_in: SignedIn) -> None:
    client = signed_in(bea)
    assert "No passkeys yet" in text_of(client.get("/account/passkeys/"))
    row = add(client)
    page = text_of(client.get("/account/passkeys/"))
    assert "blue key" in page
    assert "on one device" in page
    client.post(f"/account/passkeys/{row.pk}/remove/")
    row.refresh_from_db()
    assert row.removed_by == bea
    assert "No passkeys yet" in text_of(client.get("/account/passkeys/"))


def test_a_wrong_password_asks_the_browser_for_nothing(bea: User, signed_in: SignedIn) -> None:
    page = text_of(signed_in(bea).post("/account/passkeys/", FORM | {"password": "wrong"}))
    assert "Wrong password." in page
    assert "data-passkey-options" not in page


def test_an_answer_that_is_wrong_is_explained(bea: User, signed_in: SignedIn) -> None:
    client = signed_in(bea)
    _, token = begin(client)
    page = text_of(client.post("/account/passkeys/add/", {"passkey_token": token, "passkey_answer": "{}"}))
    assert "The answer of the passkey is refused" in page
    client.post("/account/passkeys/add/", {"passkey_token": token})
    assert "The browser sent no passkey" in text_of(client.get("/account/passkeys/"))
    assert not Passkey.objects.exists()


def test_a_superuser_removes_it_on_the_page_of_the_person(bea: User, cy: User, ops: User, signed_in: SignedIn) -> None:
    row = add(signed_in(bea))
    assert "blue key" not in text_of(signed_in(cy).get("/people/bea/"))
    assert signed_in(cy).post(f"/account/passkeys/{row.pk}/remove/").status_code == 403
    client = signed_in(ops)
    assert "Remove the passkey blue key" in text_of(client.get("/people/bea/"))
    assert client.post(f"/account/passkeys/{row.pk}/remove/").headers["Location"] == "/people/bea/"
    assert Passkey.objects.get().removed_by == ops


def test_a_page_at_another_address_names_the_right_one(bea: User, signed_in: SignedIn) -> None:
    client = signed_in(bea)
    assert "http://localhost:8080/account/passkeys/" in text_of(client.get("/account/passkeys/"))
    here = text_of(client.get("/account/passkeys/", headers={"host": "localhost:8080"}))
    assert "Browsers refuse them here" not in here


def test_more_passkeys_take_no_more_queries(bea: User, signed_in: SignedIn) -> None:
    client, counts = signed_in(bea), []
    for _ in range(2):
        add(client)
        with CaptureQueriesContext(connection) as queries:
            client.get("/account/passkeys/")
        counts.append(len(queries))
    assert counts[0] == counts[1]


@pytest.mark.parametrize("path", ["add/", "1/remove/"])
def test_a_get_changes_nothing(path: str, bea: User, signed_in: SignedIn) -> None:
    assert signed_in(bea).get(f"/account/passkeys/{path}").status_code == 405
