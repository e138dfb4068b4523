"""Where a policy asks for passkeys, an approval counts only with a signature that the reviewer's own key made."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Group
from django.db import Error, IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from accounts.approval_sessions import start_approval_session
from accounts.models import Passkey, User
from accounts.passkeys.assertions import STATEMENT_SECONDS, PasskeyAnswer
from accounts.passkeys.enrolment import remove_passkey
from approvals.case.loading import load_case
from approvals.models import Override, PasskeySignature, RequestState, Review, TransitionRequest
from approvals.passkeys.challenges import break_glass_challenge, override_challenge
from approvals.requests.break_glass import break_glass
from approvals.requests.override import override_rule
from approvals.verdict.evaluation import evaluate
from audit.actions import Action
from audit.models import Event
from core.actors import Actor
from core.canonical import canonical_bytes
from core.errors import Conflict, Denied, DomainError, InvalidInput, InvalidState
from registry.models import ModelVersion
from tests.approvals.conftest import Ask, NewVersion, RunChecks, reread
from tests.approvals.governed import FOUR_EYES, REVIEWERS, publish
from tests.approvals.passkeys import answer, challenge_of, decide_with, digest_of, enrolled
from tests.conftest import Acting
from tests.recorded_fixtures import recorded_fixture
from tests.signed_in import session_actor, token_actor
from tests.software_authenticator import EDDSA, ES256, PRESENT, RS256, Authenticator, from_base64url

PASSWORD = "bea-password-1"
SOFT_CARD: dict[str, object] = {"id": "card", "level": "soft", "check": "card.complete", "override": ["reviewers"]}
GLASS = {"groups": ["incident"], "second_person": False}


@pytest.fixture
@recorded_fixture
def waiting(policies: object, bea: User, new_version: NewVersion, ask: Ask, run_checks: RunChecks) -> TransitionRequest:
    """A request that waits for bea's approval, which her passkey has to sign."""
    publish(signed_by="passkey")
    request = ask(new_version())
    run_checks(request)
    return reread(request)


@pytest.fixture
def device(waiting: TransitionRequest, bea: User) -> Authenticator:
    return enrolled(bea, PASSWORD)


def refused(error: type[DomainError], match: str, actor: Actor, request: TransitionRequest, given: Any) -> None:
    with pytest.raises(error, match=match):
        decide_with(actor, request, given)
    assert not Review.objects.exists()
    assert not PasskeySignature.objects.exists()
    assert not Event.objects.filter(action=Action.APPROVALS_REVIEW_GIVEN, outcome="ok").exists()
    assert reread(request).state == RequestState.OPEN


@pytest.mark.parametrize("algorithm", [ES256, EDDSA, RS256])
def test_a_signed_approval_counts(algorithm: int, waiting: TransitionRequest, bea: User, by_bea: Actor) -> None:
    device = enrolled(bea, PASSWORD, Authenticator(algorithm=algorithm))
    decide_with(by_bea, waiting, answer(device, challenge_of(by_bea, waiting)))
    assert reread(waiting).state == RequestState.APPROVED
    assert load_case(reread(waiting)).verdict.approvers == ("bea",)


def test_the_statement_says_what_is_decided_and_its_hash_is_the_challenge(
    waiting: TransitionRequest, device: Authenticator, by_bea: Actor
) -> None:
    challenge = challenge_of(by_bea, waiting)
    statement = challenge.statement
    assert from_base64url(challenge.options["challenge"]) == hashlib.sha256(canonical_bytes(statement)).digest()
    assert challenge.options["userVerification"] == "required"
    assert {key: value for key, value in statement.items() if key not in ("nonce", "expires_at")} == {
        "type": "custody.approval/1",
        "kind": "review",
        "by": "bea",
        "on_behalf_of": "",
        "model_version": "fraud/1",
        "artifact_digest": waiting.version.artifact_digest,
        "request": waiting.pk,
        "target": "Production",
        "subject_digest": digest_of(waiting),
        "decision": "approve",
        "rule": "",
        "meaning": "",
        "comment_sha256": hashlib.sha256(b"Good.").hexdigest(),
        "policy": str(waiting.policy_revision),
        "policy_digest": waiting.policy_revision.digest,
    }


def test_all_that_a_verification_needs_is_in_the_row_and_in_the_event(
    waiting: TransitionRequest, device: Authenticator, by_bea: Actor
) -> None:
    review = decide_with(by_bea, waiting, answer(device, challenge_of(by_bea, waiting)))
    row, passkey = PasskeySignature.objects.get(review=review), Passkey.objects.get()
    event = Event.objects.get(action=Action.APPROVALS_REVIEW_GIVEN)
    assert json.loads(bytes(event.body))["after"]["passkey"] == {
        "statement": json.loads(row.statement),
        "credential_id": passkey.credential_id,
        "public_key": passkey.public_key,
        "enrolment_event": str(passkey.enrolment_event),
        "authenticator_data": row.authenticator_data,
        "client_data": row.client_data,
        "signature": row.signature,
    }
    assert passkey.sign_count == 1


def test_without_a_signature_the_refusal_says_what_to_do(waiting: TransitionRequest, by_bea: Actor) -> None:
    refused(InvalidState, "asks for the signature of your passkey. Sign it", by_bea, waiting, None)


def test_an_approval_session_and_a_password_do_not_count(waiting: TransitionRequest, bea: User, by_bea: Actor) -> None:
    _, secret = start_approval_session(actor=by_bea, password=PASSWORD, session_key="browser")
    body = {"decision": "approve", "comment": "Good.", "seen_digest": digest_of(waiting)}
    url = f"/api/v1/transition-requests/{waiting.pk}/reviews"
    for more in ({}, {"password": PASSWORD, "meaning": "approval"}):
        User.objects.filter(pk=bea.pk).update(first_name="Bea")
        sent = Client().post(
            url, body | more, content_type="application/json", headers={"Authorization": f"Bearer {secret}"}
        )
        assert sent.status_code == 409
        assert "approval session does not replace the passkey" in sent.json()["detail"]
    assert not Review.objects.exists()


def test_the_page_and_the_protocol_name_the_passkey(waiting: TransitionRequest) -> None:
    row = next(row for row in load_case(waiting).verdict.rules if row.rule == "reviewers")
    assert "who signs with a passkey" in row.who_can_resolve


def test_an_unsigned_approval_of_before_does_not_count(
    policies: object, new_version: NewVersion, ask: Ask, run_checks: RunChecks, by_bea: Actor
) -> None:
    publish(rules=({**REVIEWERS, "approvals": {"count": 2, "groups": ["reviewers"]}}, FOUR_EYES))
    request = ask(new_version())
    run_checks(request)
    decide_with(by_bea, request, None)
    snapshot = replace(load_case(reread(request)).snapshot, needs_passkey=True)
    row = next(row for row in evaluate(snapshot, timezone.now()).rules if row.rule == "reviewers")
    assert "none of 2 given yet" in row.why
    assert "not counted because no passkey signed it: the approval of bea" in row.why


def test_a_rejection_needs_no_passkey(waiting: TransitionRequest, by_bea: Actor) -> None:
    decide_with(by_bea, waiting, None, decision="reject")
    assert reread(waiting).state == RequestState.REJECTED


@pytest.mark.parametrize("change", [{"flags": PRESENT}, {"origin": "https://evil.example"}, {"rp_id": "evil.example"}])
def test_a_wrong_assertion_is_refused(
    change: dict[str, Any], waiting: TransitionRequest, device: Authenticator, by_bea: Actor
) -> None:
    for name, value in change.items():
        setattr(device, name, value)
    refused(InvalidInput, "is refused", by_bea, waiting, answer(device, challenge_of(by_bea, waiting)))


def test_a_page_of_another_site_cannot_ask(waiting: TransitionRequest, device: Authenticator, by_bea: Actor) -> None:
    device.more_client_data = {"crossOrigin": True}
    refused(InvalidInput, "another site", by_bea, waiting, answer(device, challenge_of(by_bea, waiting)))


def test_another_key_signs_nothing_for_her(
    waiting: TransitionRequest, device: Authenticator, by_bea: Actor, cy: User
) -> None:
    theirs = enrolled(cy, "cy-password-12")
    refused(InvalidInput, "not one of yours", by_bea, waiting, answer(theirs, challenge_of(by_bea, waiting)))
    unknown = Authenticator(credential_id=device.credential_id)
    refused(InvalidInput, "is refused", by_bea, waiting, answer(unknown, challenge_of(by_bea, waiting)))


def test_a_removed_passkey_signs_nothing(waiting: TransitionRequest, device: Authenticator, by_bea: Actor) -> None:
    given = answer(device, challenge_of(by_bea, waiting))
    remove_passkey(actor=by_bea, passkey_id=Passkey.objects.get().pk)
    refused(InvalidInput, "not one of yours", by_bea, waiting, given)
    with pytest.raises(InvalidState, match="You have no passkey"):
        challenge_of(by_bea, waiting)


@pytest.mark.parametrize("asked", [{"decision": "reject"}, {"comment": "Other."}, {"meaning": "approval"}])
def test_a_signature_on_something_else_is_refused(
    asked: dict[str, str], waiting: TransitionRequest, device: Authenticator, by_bea: Actor
) -> None:
    refused(
        Conflict, "not what is decided now", by_bea, waiting, answer(device, challenge_of(by_bea, waiting, **asked))
    )


def test_a_signature_on_an_earlier_state_is_refused(
    waiting: TransitionRequest, device: Authenticator, by_bea: Actor, run_checks: RunChecks
) -> None:
    given = answer(device, challenge_of(by_bea, waiting))
    TransitionRequest.objects.filter(pk=waiting.pk).update(archive_existing=False)
    run_checks(waiting)
    refused(Conflict, "subject_digest differ", by_bea, waiting, given)


def test_a_statement_is_signed_within_five_minutes_and_is_this_servers(
    waiting: TransitionRequest, device: Authenticator, by_bea: Actor
) -> None:
    given = answer(device, challenge_of(by_bea, waiting))
    refused(InvalidInput, "not one of this server", by_bea, waiting, replace(given, token=given.token[:-1]))
    with time_machine.travel(timezone.now() + timedelta(seconds=STATEMENT_SECONDS + 2), tick=False):
        refused(InvalidInput, "older than five minutes", by_bea, waiting, given)


def test_a_used_nonce_is_refused(
    policies: object, bea: User, by_bea: Actor, new_version: NewVersion, ask: Ask, run_checks: RunChecks
) -> None:
    two: dict[str, object] = {**REVIEWERS, "approvals": {"count": 2, "groups": ["reviewers"]}}
    publish(rules=(two, FOUR_EYES), signed_by="passkey")
    request = ask(new_version())
    run_checks(request)
    device = enrolled(bea, PASSWORD, Authenticator(counts=False))
    given = answer(device, challenge_of(by_bea, request, decision="request_changes"))
    decide_with(by_bea, request, given, decision="request_changes")
    decide_with(by_bea, request, answer(device, challenge_of(by_bea, request)))
    with pytest.raises(Conflict, match="used before"):
        decide_with(by_bea, request, given, decision="request_changes")
    assert PasskeySignature.objects.count() == Review.objects.count() == 2


def test_the_sign_count_must_rise(waiting: TransitionRequest, device: Authenticator, by_bea: Actor) -> None:
    Passkey.objects.update(sign_count=7)
    refused(InvalidInput, "sign count", by_bea, waiting, answer(device, challenge_of(by_bea, waiting)))
    device.sign_count = 7
    decide_with(by_bea, waiting, answer(device, challenge_of(by_bea, waiting)))
    assert Passkey.objects.get().sign_count == 8


def test_who_may_not_decide_is_given_nothing_to_sign(waiting: TransitionRequest, ada: User, cy: User) -> None:
    for actor in (session_actor(cy), session_actor(ada), token_actor(ada)):
        with pytest.raises(Denied):
            challenge_of(actor, waiting)


def test_the_database_takes_a_signature_of_its_owner_once(
    waiting: TransitionRequest, device: Authenticator, by_bea: Actor, cy: User
) -> None:
    review = decide_with(by_bea, waiting, answer(device, challenge_of(by_bea, waiting)))
    enrolled(cy, "cy-password-12")
    row = PasskeySignature.objects.get()
    theirs = Passkey.objects.get(user=cy)
    rejection = Review.objects.create(
        request=waiting, reviewer=review.reviewer, decision="reject", comment="x", subject_digest="0" * 64
    )
    whole = {"nonce": "n", "statement": "{}", "authenticator_data": "a", "client_data": "c", "signature": "s"}
    wrong: list[dict[str, Any]] = [
        {"passkey": theirs, "review": rejection, **whole},
        {"passkey": row.passkey, **whole},
        {"passkey": row.passkey, "review": rejection, "request": waiting, **whole},
        {"passkey": row.passkey, "review": review, **whole},
        {"passkey": row.passkey, "request": waiting, **whole},
        {"passkey": row.passkey, "review": rejection, **whole, "nonce": row.nonce},
        {"passkey": row.passkey, "review": rejection, **whole, "signature": ""},
    ]
    for fields in wrong:
        with pytest.raises(IntegrityError), transaction.atomic():
            PasskeySignature.objects.create(**fields)
    with pytest.raises(Error), transaction.atomic():
        PasskeySignature.objects.filter(pk=row.pk)._raw_delete(using="default")


def test_an_override_needs_it_too(
    policies: object, bea: User, by_bea: Actor, new_version: NewVersion, ask: Ask, run_checks: RunChecks
) -> None:
    publish(rules=(REVIEWERS, FOUR_EYES, SOFT_CARD), signed_by="passkey")
    request = ask(new_version(card=False))
    run_checks(request)
    device = enrolled(bea, PASSWORD)
    seen = digest_of(request)

    def override(given: PasskeyAnswer | None) -> Override:
        return override_rule(
            actor=by_bea, request_id=request.pk, rule="card", reason="Small.", seen_digest=seen, passkey=given
        )

    with pytest.raises(InvalidState, match="signature of your passkey"):
        override(None)
    challenge = override_challenge(
        actor=by_bea, request=reread(request), rule="card", reason="Small.", seen_digest=seen
    )
    row = override(answer(device, challenge))
    assert PasskeySignature.objects.get().override == row
    snapshot = load_case(reread(request)).snapshot
    assert snapshot.overrides[0].by_passkey
    card = next(row for row in evaluate(snapshot, timezone.now()).rules if row.rule == "card")
    assert card.status.value == "overridden"
    unsigned = replace(snapshot, overrides=tuple(replace(row, by_passkey=False) for row in snapshot.overrides))
    card = next(row for row in evaluate(unsigned, timezone.now()).rules if row.rule == "card")
    assert card.status.value == "failed"
    event = Event.objects.get(action=Action.APPROVALS_RULE_OVERRIDDEN)
    assert json.loads(bytes(event.body))["after"]["passkey"]["statement"]["rule"] == "card"


@pytest.fixture
def emergency(new_version: NewVersion, ivy: User) -> ModelVersion:
    publish(break_glass=GLASS, signed_by="passkey")
    return new_version()


@pytest.fixture
def ivy(db: None) -> User:
    user = User.objects.create_user("ivy", password="ivy-password-1")
    user.groups.add(Group.objects.get_or_create(name="incident")[0])
    return user


def test_break_glass_needs_it_too(emergency: ModelVersion, ivy: User, acting: Acting) -> None:
    actor, device = acting(ivy), enrolled(ivy, "ivy-password-1")
    about: dict[str, Any] = {"name": "fraud", "version": 1, "target": "Production", "reason": "Fire."}
    with pytest.raises(InvalidState, match="signature of your passkey"):
        break_glass(actor=actor, **about, wait_seconds=0)
    assert not TransitionRequest.objects.exists()
    challenge = break_glass_challenge(actor=actor, version=emergency, target="Production", reason="Fire.")
    assert (challenge.statement["kind"], challenge.statement["request"]) == ("break_glass", 0)
    given = answer(device, challenge)
    with pytest.raises(Conflict, match="comment_sha256 differ"):
        break_glass(actor=actor, **about | {"reason": "Smoke."}, passkey=given, wait_seconds=0)
    request = break_glass(actor=actor, **about, passkey=given, wait_seconds=0)
    assert PasskeySignature.objects.get().request == request
    event = Event.objects.get(action=Action.APPROVALS_REQUEST_OPENED)
    assert json.loads(bytes(event.body))["after"]["passkey"]["statement"]["decision"] == "break_glass"


def test_where_no_policy_asks_it_can_be_given(
    policies: object, bea: User, by_bea: Actor, new_version: NewVersion, ask: Ask, run_checks: RunChecks
) -> None:
    publish()
    request = ask(new_version())
    run_checks(request)
    device = enrolled(bea, PASSWORD)
    review = decide_with(by_bea, request, answer(device, challenge_of(by_bea, request)))
    assert PasskeySignature.objects.get().review == review


def test_the_api_takes_two_calls(waiting: TransitionRequest, device: Authenticator, bea: User) -> None:
    client = Client()
    client.force_login(bea)
    url = f"/api/v1/transition-requests/{waiting.pk}"
    body = {"decision": "approve", "comment": "Good.", "seen_digest": digest_of(waiting)}
    prepared = client.post(f"{url}/passkey-options", body, content_type="application/json")
    assert prepared.status_code == 200, prepared.content
    passkey = {"token": prepared.json()["token"], "answer": json.loads(device.sign(prepared.json()["options"]))}
    sent = client.post(f"{url}/reviews", {**body, "passkey": passkey}, content_type="application/json")
    assert sent.status_code == 201, sent.content
    assert sent.json()["passkey"] == "test key"
    assert client.get(url).json()["reviews"][0]["passkey"] == "test key"


@pytest.mark.parametrize("wrong", [{"rule": "card"}, {"decision": None}, {"decision": "maybe"}, {"more": 1}])
def test_the_api_prepares_one_thing(wrong: dict[str, object], waiting: TransitionRequest, bea: User) -> None:
    client = Client()
    client.force_login(bea)
    body: dict[str, object] = {"decision": "approve", "comment": "Good.", "seen_digest": digest_of(waiting)} | wrong
    url = f"/api/v1/transition-requests/{waiting.pk}/passkey-options"
    answered = client.post(url, {k: v for k, v in body.items() if v is not None}, content_type="application/json")
    assert answered.status_code == 400
    assert answered.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("passkey", [{}, "x", {"token": "x"}, {"token": "x", "answer": {}}, {"token": "", "answer": 1}])
def test_the_api_refuses_a_malformed_signature(passkey: object, waiting: TransitionRequest, bea: User) -> None:
    client = Client()
    client.force_login(bea)
    body = {"decision": "approve", "comment": "Good.", "seen_digest": digest_of(waiting), "passkey": passkey}
    url = f"/api/v1/transition-requests/{waiting.pk}/reviews"
    assert client.post(url, body, content_type="application/json").status_code == 400
    assert not Review.objects.exists()
