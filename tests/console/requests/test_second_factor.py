"""Where CUSTODY_SECOND_FACTOR says so, only a person with a second factor decides."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from accounts.models import AuthenticatorApp, User
from approvals.models import Review
from audit.models import Event
from tests.approvals.passkeys import enrolled
from tests.console.conftest import Asked, SignedIn, text_of


@pytest.fixture(autouse=True)
def _reviewers_need_one(settings: Settings) -> None:
    settings.SECOND_FACTOR = "reviewers"


def approve(client: object, request_id: int, digest: str) -> str:
    form = {"decision": "approve", "comment": "Good.", "seen_digest": digest}
    return text_of(client.post(f"/requests/{request_id}/approve/", form))  # type: ignore[attr-defined]  # a test client


@pytest.mark.parametrize("factor", ["none", "app", "passkey"])
def test_a_reviewer_needs_a_second_factor(asked: Asked, bea: User, signed_in: SignedIn, factor: str) -> None:
    request = asked()
    if factor == "app":
        AuthenticatorApp.objects.create(user=bea, sealed_secret="x", last_step=0)
    elif factor == "passkey":
        enrolled(bea, "bea-password-1")
    page = approve(signed_in(bea), request.pk, request.subject_digest)
    assert ("You need a second factor" in page) == (factor == "none")
    assert Review.objects.count() == (0 if factor == "none" else 1)
    denied = Event.objects.filter(action="approvals.review.given", outcome="denied").count()
    assert denied == (1 if factor == "none" else 0)


def test_a_person_of_an_identity_provider_needs_none_here(asked: Asked, bea: User, signed_in: SignedIn) -> None:
    request = asked()
    bea.set_unusable_password()
    bea.save()
    approve(signed_in(bea), request.pk, request.subject_digest)
    assert Review.objects.count() == 1
