"""The dialogs that sign with a passkey: what they ask for, what their script is given, and what they accept."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from accounts.models import User
from approvals.models import Override, PasskeySignature, Review, TransitionRequest
from tests.approvals.conftest import NewVersion
from tests.approvals.governed import FOUR_EYES, REVIEWERS, publish
from tests.approvals.passkeys import enrolled
from tests.console.conftest import Asked, SignedIn, text_of
from tests.software_authenticator import Authenticator

SOFT_CARD: dict[str, object] = {"id": "card", "level": "soft", "check": "card.complete", "override": ["reviewers"]}
PASSWORD = "bea-password-1"


@pytest.fixture
def waiting(policies: object, asked: Asked) -> TransitionRequest:
    publish(signed_by="passkey")
    return asked()


def dialog(request: TransitionRequest, name: str = "approve") -> str:
    return f"/requests/{request.pk}/{name}/?seen={request.subject_digest}"


def signed(client: Client, url: str, fields: dict[str, Any], device: Authenticator) -> dict[str, Any]:
    """Return the fields of a form with the signature that its script would add."""
    prepared = client.post(url, fields)
    assert prepared.status_code == 200, prepared.content
    body = prepared.json()
    return {**fields, "passkey_token": body["token"], "passkey_answer": device.sign(body["options"])}


def test_the_dialog_asks_for_the_passkey_and_takes_it(
    waiting: TransitionRequest, bea: User, signed_in: SignedIn
) -> None:
    client, device = signed_in(bea), enrolled(bea, PASSWORD)
    page = text_of(client.get(dialog(waiting)))
    assert "The policy asks for the signature of your passkey." in page
    assert f'data-passkey-address="/requests/{waiting.pk}/passkey-options/approve/"' in page
    assert "use_passkey" not in page
    fields = {"comment": "Good.", "seen_digest": waiting.subject_digest}
    client.post(dialog(waiting), signed(client, f"/requests/{waiting.pk}/passkey-options/approve/", fields, device))
    assert PasskeySignature.objects.get().review == Review.objects.get()
    assert "Signed with the passkey <strong>test key</strong>" in text_of(
        client.get(f"/admin/approvals/transitionrequest/{waiting.pk}/change/")
    )


def test_without_the_signature_it_says_what_to_do(waiting: TransitionRequest, bea: User, signed_in: SignedIn) -> None:
    client = signed_in(bea)
    page = text_of(client.get(dialog(waiting)))
    assert 'You have none yet: <a href="/account/passkeys/">add a passkey</a> first.' in page
    refused = client.post(dialog(waiting), {"comment": "Good.", "seen_digest": waiting.subject_digest})
    assert "asks for the signature of your passkey" in text_of(refused)
    assert not Review.objects.exists()


def test_a_signature_is_not_in_the_form_again(waiting: TransitionRequest, bea: User, signed_in: SignedIn) -> None:
    fields = {"comment": "Good.", "seen_digest": waiting.subject_digest, "passkey_token": "t0", "passkey_answer": "a0"}
    page = text_of(signed_in(bea).post(dialog(waiting), fields))
    assert "is not one of this server" in page
    assert 'value="t0"' not in page
    assert 'value="a0"' not in page


def test_a_refusal_to_prepare_is_said_in_the_dialog(
    waiting: TransitionRequest, bea: User, cy: User, signed_in: SignedIn
) -> None:
    url, fields = f"/requests/{waiting.pk}/passkey-options/approve/", {"seen_digest": waiting.subject_digest}
    for user, problem in ((bea, "You have no passkey"), (cy, "cy is not among those who can decide")):
        answer = signed_in(user).post(url, fields)
        assert answer.status_code == 400
        assert problem in answer.json()["problem"]
    answer = signed_in(bea).post(url, {"seen_digest": "0" * 64})
    assert "has changed since you saw it" in answer.json()["problem"]
    assert signed_in(bea).get(url).status_code == 405


def test_a_rejection_offers_it_only(waiting: TransitionRequest, bea: User, signed_in: SignedIn) -> None:
    client = signed_in(bea)
    assert "data-passkey" not in text_of(client.get(dialog(waiting, "reject"))).partition("<form")[2]
    enrolled(bea, PASSWORD)
    assert "Sign with my passkey" in text_of(client.get(dialog(waiting, "reject")))


def test_an_override_is_signed(
    policies: object, asked: Asked, new_version: NewVersion, bea: User, signed_in: SignedIn
) -> None:
    publish(rules=(REVIEWERS, FOUR_EYES, SOFT_CARD), signed_by="passkey")
    request = asked(new_version(card=False))
    client, device = signed_in(bea), enrolled(bea, PASSWORD)
    fields = {"comment": "Small.", "seen_digest": request.subject_digest, "rule": "card"}
    url = f"/requests/{request.pk}/override/?rule=card&seen={request.subject_digest}"
    client.post(url, signed(client, f"/requests/{request.pk}/passkey-options/override/", fields, device))
    assert PasskeySignature.objects.get().override == Override.objects.get()


def test_break_glass_is_signed(new_version: NewVersion, bea: User, signed_in: SignedIn) -> None:
    publish(break_glass={"groups": ["incident"], "second_person": True}, signed_by="passkey")
    new_version()
    bea.groups.add(Group.objects.get_or_create(name="incident")[0])
    client, device = signed_in(bea), enrolled(bea, PASSWORD)
    url = "/models/fraud/versions/1/break-glass/"
    assert "The policy asks for the signature of your passkey." in text_of(client.get(url))
    fields = {"target": "Production", "reason": "Fire."}
    assert "asks for the signature of your passkey" in text_of(client.post(url, fields))
    client.post(url, signed(client, f"{url}passkey-options/", fields, device))
    row = PasskeySignature.objects.get()
    assert json.loads(row.statement)["by"] == "bea"
    assert row.request == TransitionRequest.objects.get()
    page = text_of(client.get(f"/admin/approvals/transitionrequest/{row.request_id}/change/"))
    assert f"bea signed it with the passkey {row.passkey.name}." in page
