"""Unsent text of a form: kept for its author alone, offered again, deleted once the form is accepted."""

from __future__ import annotations

import datetime
import json
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from accounts.models import User
from audit.models import Event
from console.models import FormDraft
from console.shell.drafts import MAX_BYTES, MAX_DRAFTS
from tests.approvals.conftest import NewVersion
from tests.console.conftest import SignedIn, text_of

pytestmark = pytest.mark.django_db

KEY = "/models/iris/1/card/edit/"
# Forms with fields whose text is not kept, and why.
_NOT_KEPT = {
    "account/_chat.html": "the address is a secret",
    "account/approval_session.html": "a password",
    "account/publishers.html": "names and values of claims, short",
    "account/second_factor.html": "a password and a code",
    "account/sessions.html": "no text",
    "account/_session_table.html": "no text",
    "people/person.html": "no text",
    "people/leaver.html": "one username",
    "people/erasure.html": "about a person who is erased",
    "account/identities.html": "a provider and a password",
    "account/passkeys.html": "a name and a password",
    "people/invitations.html": "an address and a provider",
    "account/tokens.html": "a name and two choices; the other form takes a password",
    "account/_notification.html": "no text",
    "requests/_inbox_notices.html": "no text",
    "policies/_dry_run_form.html": "a trial of the text beside it, which has a draft",
    "policies/_replay_form.html": "a trial of the text beside it, which has a draft",
}


@pytest.fixture
def ada_client(ada: User, signed_in: SignedIn) -> Client:
    return signed_in(ada)


@pytest.fixture
def bea_client(bea: User, signed_in: SignedIn) -> Client:
    return signed_in(bea)


def save(client: Client, key: str = KEY, **fields: str) -> int:
    return client.post("/drafts/", {"key": key, "fields": json.dumps(fields)}).status_code


def test_a_draft_is_offered_to_its_author_alone(ada_client: Client, bea_client: Client) -> None:
    assert ada_client.get("/drafts/", {"key": KEY}).status_code == 204

    assert save(ada_client, purpose="Detect fraud.") == 200
    assert save(ada_client, purpose="Detect card fraud.") == 200

    assert ada_client.get("/drafts/", {"key": KEY}).json()["fields"] == {"purpose": "Detect card fraud."}
    assert bea_client.get("/drafts/", {"key": KEY}).status_code == 204
    assert not Event.objects.filter(object_ref__contains="draft").exists()


def test_a_discarded_draft_is_deleted_and_those_of_others_stay(ada_client: Client, bea_client: Client) -> None:
    save(ada_client, purpose="a")
    save(bea_client, purpose="b")

    assert ada_client.post("/drafts/discard/", {"key": KEY}).status_code == 204

    assert [draft.owner.username for draft in FormDraft.objects.select_related("owner")] == ["bea"]


@pytest.mark.parametrize(
    ("key", "fields"),
    [
        ("", "{}"),
        ("models", "{}"),
        ("/" + "x" * 500, "{}"),
        (KEY, "[]"),
        (KEY, '{"a": 1}'),
        (KEY, '{"a": "\\u0000"}'),
        (KEY, "{"),
        (KEY, json.dumps({"a": "x" * MAX_BYTES})),
    ],
)
def test_an_invalid_draft_is_refused(ada_client: Client, key: str, fields: str) -> None:
    assert ada_client.post("/drafts/", {"key": key, "fields": fields}).status_code == 400
    assert not FormDraft.objects.exists()


def test_old_drafts_and_the_oldest_of_many_are_deleted(ada_client: Client, ada: User) -> None:
    now = timezone.now()
    old = now - datetime.timedelta(days=31)
    rows = [FormDraft(owner=ada, key=f"/{number}/", saved_at=now) for number in range(MAX_DRAFTS)]
    FormDraft.objects.bulk_create([FormDraft(owner=ada, key="/old/", saved_at=old), *rows])

    save(ada_client, purpose="new")

    kept = set(FormDraft.objects.values_list("key", flat=True))
    assert len(kept) == MAX_DRAFTS
    assert KEY in kept
    assert "/old/" not in kept


def test_every_form_that_people_write_text_in_keeps_a_draft() -> None:
    root = Path(settings.BASE_DIR) / "templates/console"
    without = []
    for path in sorted(root.rglob("*.html")):
        name = str(path.relative_to(root))
        for form in re.findall(r"<form\b.*?</form>", path.read_text(), re.DOTALL):
            has_text = "textarea" in form or "_form_field" in form
            if "post" in form.partition(">")[0] and has_text and "data-draft=" not in form and name not in _NOT_KEPT:
                without.append(name)
    assert without == []


def test_an_accepted_form_deletes_its_draft_and_a_refused_one_keeps_it(
    new_version: NewVersion, ada_client: Client
) -> None:
    new_version(card=False)
    address = "/models/fraud/versions/1/card/edit/"
    save(ada_client, address, limitations="Weak at night.")

    refused = ada_client.post(address, {"number": 7, "limitations": "Weak at night.", "draft_key": address})
    assert refused.status_code == 400
    assert FormDraft.objects.count() == 1

    ada_client.post(address, {"number": 1, "limitations": "Weak at night.", "draft_key": address})
    assert not FormDraft.objects.exists()


def test_another_template_keeps_what_was_typed_and_saves_nothing(new_version: NewVersion, ada_client: Client) -> None:
    version = new_version(card=False)
    address = "/models/fraud/versions/1/card/edit/"

    shown = ada_client.post(address, {"number": 1, "limitations": "Weak at night.", "show_template": "eu_annex_iv"})

    assert shown.status_code == 200
    assert "Weak at night." in text_of(shown)
    assert 'name="template" value="eu_annex_iv"' in text_of(shown)
    assert version.card_revisions.count() == 1
