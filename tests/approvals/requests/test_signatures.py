"""Where a policy asks for electronic signatures, nothing counts without one, at any door (21 CFR 11.50, 11.70,
11.200).
"""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.db import Error, transaction
from django.test import Client
from django.utils import timezone

from accounts.identity_proofs import keep_proof
from accounts.models import User
from accounts.reauthentication import MAX_FAILURES, reauthenticate
from approvals.case.loading import load_case
from approvals.models import RequestState, Review, TransitionRequest
from approvals.requests.review import decide_request
from approvals.requests.signatures import Signature, VerifiedSignature, signed_fields
from audit.actions import Action
from audit.models import Event
from audit.sentences import describe
from audit.services import record_denial
from core.actors import Actor
from core.errors import Denied, DomainError, InvalidInput, InvalidState
from core.refs import request_ref
from tests.approvals.conftest import Ask, NewVersion, RunChecks, reread
from tests.approvals.requests.test_who_decides import ask_for
from tests.recorded_fixtures import recorded_fixture

PASSWORD = "bea-password-1"
SIGNED = Signature(password=PASSWORD, meaning="approval")


@pytest.fixture
@recorded_fixture
def signing(policies: object, bea: User, new_version: NewVersion, ask: Ask, run_checks: RunChecks) -> TransitionRequest:
    """A request that waits for bea's signed approval."""
    User.objects.filter(pk=bea.pk).update(first_name="Beatrix", last_name="Kiddo")
    ask_for({"count": 1, "groups": ["reviewers"]}, e_signature=True)
    request = ask(new_version())
    run_checks(request)
    return reread(request)


def approve(actor: Actor, request: TransitionRequest, signature: Signature | None) -> Review:
    seen = load_case(reread(request)).snapshot.subject_digest
    return decide_request(
        actor=actor, request_id=request.pk, decision="approve", comment="Good.", seen_digest=seen, signature=signature
    )


def test_a_signature_lies_in_the_row_and_in_the_event(signing: TransitionRequest, by_bea: Actor) -> None:
    review = approve(by_bea, signing, SIGNED)
    assert (review.meaning, review.printed_name) == ("approval", "Beatrix Kiddo")
    assert review.signed_at is not None
    event = Event.objects.get(action=Action.APPROVALS_REVIEW_GIVEN)
    assert "Beatrix Kiddo" in describe(event)
    assert Event.objects.filter(action=Action.ACCOUNT_REAUTHENTICATED, outcome="ok").count() == 1
    assert reread(signing).state == RequestState.APPROVED


@pytest.mark.parametrize(
    ("signature", "error"),
    [
        (None, InvalidState),
        (Signature(PASSWORD, "authorship of nothing"), InvalidInput),
        (Signature("wrong", "approval"), Denied),
    ],
)
def test_without_a_signature_nothing_is_decided(
    signature: Signature | None, error: type[DomainError], signing: TransitionRequest, by_bea: Actor
) -> None:
    with pytest.raises(error):
        approve(by_bea, signing, signature)
    assert not Review.objects.exists()
    assert reread(signing).state == RequestState.OPEN


def test_a_name_must_be_there_to_print(signing: TransitionRequest, by_bea: Actor, bea: User) -> None:
    User.objects.filter(pk=bea.pk).update(first_name="", last_name="")
    with pytest.raises(InvalidState, match="full name"):
        approve(by_bea, signing, SIGNED)
    assert not Review.objects.exists()


def test_wrong_passwords_are_counted_and_recorded(signing: TransitionRequest, by_bea: Actor) -> None:
    for _ in range(MAX_FAILURES):
        with pytest.raises(Denied) as refused:
            approve(by_bea, signing, Signature("wrong", "approval"))
        record_denial(actor=by_bea, error=refused.value)
    with pytest.raises(Denied, match="Too many"):
        approve(by_bea, signing, SIGNED)
    assert Event.objects.filter(action=Action.ACCOUNT_REAUTHENTICATED, outcome="denied").count() == MAX_FAILURES
    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        approve(by_bea, signing, SIGNED)


def test_a_password_given_long_ago_signs_nothing(signing: TransitionRequest, bea: User) -> None:
    case = load_case(signing)
    old = VerifiedSignature("approval", timezone.now() - timedelta(minutes=5, seconds=1))
    with pytest.raises(InvalidState, match="five minutes"):
        signed_fields(case, bea, old)


def test_the_api_takes_a_signature_and_nothing_less(signing: TransitionRequest, bea: User) -> None:
    client = Client()
    client.force_login(bea)
    url = f"/api/v1/transition-requests/{signing.pk}/reviews"
    said = {"decision": "approve", "comment": "Good.", "seen_digest": load_case(signing).snapshot.subject_digest}
    refused = client.post(url, said, content_type="application/json")
    assert refused.status_code == 409
    assert "electronic signature" in refused.json()["detail"]
    signed = client.post(url, {**said, "password": PASSWORD, "meaning": "approval"}, content_type="application/json")
    assert signed.status_code == 201, signed.content
    assert signed.json()["printed_name"] == "Beatrix Kiddo"
    assert PASSWORD not in signed.content.decode()


def test_the_database_keeps_signatures_whole(signing: TransitionRequest, bea: User) -> None:
    words = {"decision": "approve", "comment": "x", "subject_digest": "0" * 64}
    for part in ({"meaning": "approval"}, {"printed_name": "B"}, {"signed_at": timezone.now()}):
        with pytest.raises(Error), transaction.atomic():
            Review.objects.create(request=signing, reviewer=bea, **words, **part)
    assert not Review.objects.exists()


@pytest.fixture
def without_a_password(bea: User) -> None:
    bea.set_unusable_password()
    bea.save(update_fields=["password"])  # the row may have a full name since


def proof_for(actor: Actor, purpose: str) -> str:
    return keep_proof(actor=actor, provider="corp", purpose=purpose, signed_in_at=timezone.now())


def test_a_proof_by_a_provider_signs_its_request_once(
    signing: TransitionRequest, without_a_password: None, by_bea: Actor
) -> None:
    with pytest.raises(Denied, match="at your identity provider first"):
        approve(by_bea, signing, SIGNED)
    secret = proof_for(by_bea, request_ref(signing.pk))
    review = approve(by_bea, signing, Signature("", "approval", proof=secret))
    assert (review.meaning, review.printed_name) == ("approval", "Beatrix Kiddo")
    with pytest.raises(Denied):
        reauthenticate(actor=by_bea, password="", proof=secret)


def test_a_proof_for_another_request_signs_nothing(
    signing: TransitionRequest, without_a_password: None, by_bea: Actor
) -> None:
    for purpose in (request_ref(signing.pk + 1), "approval-session"):
        secret = proof_for(by_bea, purpose)
        with pytest.raises(InvalidState, match="for another request"):
            approve(by_bea, signing, Signature("", "approval", proof=secret))
    assert not Review.objects.exists()
    assert reread(signing).state == RequestState.OPEN


def test_the_dialog_asks_for_a_proof_in_place_of_the_password(
    signing: TransitionRequest, without_a_password: None, by_bea: Actor, bea: User
) -> None:
    client = Client()
    client.force_login(bea)
    path = f"/requests/{signing.pk}/approve/"
    page = client.get(path).content.decode()
    assert 'name="password"' not in page
    assert f"/account/confirm-identity/?purpose=transition-request%3A{signing.pk}" in page
    fields = {"comment": "Good.", "meaning": "approval", "seen_digest": signing.subject_digest}
    assert "at your identity provider first" in client.post(path, fields).content.decode()
    session = client.session
    session["identity_proofs"] = {request_ref(signing.pk): proof_for(by_bea, request_ref(signing.pk))}
    session.save()
    assert "Confirmed at" in client.get(path).content.decode()
    assert client.post(path, fields).status_code == 302
    assert Review.objects.get().meaning == "approval"
