"""`signed_by: device_passkey`: a passkey that may be synced to other devices signs nothing."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group

from accounts.models import User
from accounts.passkeys.assertions import new_challenge
from approvals.case.loading import load_case
from approvals.models import PasskeySignature, RequestState, Review, TransitionRequest
from approvals.passkeys.challenges import break_glass_challenge
from approvals.passkeys.statements import review_facts
from approvals.requests.break_glass import break_glass
from core.actors import Actor
from core.errors import InvalidState
from tests.approvals.conftest import Ask, NewVersion, RunChecks, reread
from tests.approvals.governed import FOUR_EYES, publish
from tests.approvals.passkeys import answer, challenge_of, decide_with, digest_of, enrolled
from tests.conftest import Acting
from tests.software_authenticator import MAY_SYNC, PRESENT, VERIFIED, Authenticator, base64url

PASSWORD = "bea-password-1"
TWO: dict[str, object] = {"id": "two", "level": "hard", "approvals": {"count": 2, "groups": ["reviewers"]}}
GLASS = {"groups": ["incident"], "second_person": False}


def synced() -> Authenticator:
    return Authenticator(flags=PRESENT | VERIFIED | MAY_SYNC)


@pytest.fixture
def waiting(policies: object, bea: User, new_version: NewVersion, ask: Ask, run_checks: RunChecks) -> TransitionRequest:
    """A request that waits for bea's approval, which a passkey on one device has to sign."""
    publish(signed_by="device_passkey")
    request = ask(new_version())
    run_checks(request)
    return reread(request)


def nothing_is_decided(request: TransitionRequest) -> None:
    assert not Review.objects.exists()
    assert not PasskeySignature.objects.exists()
    assert reread(request).state == RequestState.OPEN


def test_a_passkey_on_one_device_signs(waiting: TransitionRequest, bea: User, by_bea: Actor) -> None:
    enrolled(bea, PASSWORD, synced())
    device = enrolled(bea, PASSWORD)
    challenge = challenge_of(by_bea, waiting)
    assert [row["id"] for row in challenge.options["allowCredentials"]] == [base64url(device.credential_id)]
    decide_with(by_bea, waiting, answer(device, challenge))
    assert reread(waiting).state == RequestState.APPROVED


def test_without_one_there_is_no_challenge(waiting: TransitionRequest, bea: User, by_bea: Actor) -> None:
    enrolled(bea, PASSWORD, synced())
    with pytest.raises(InvalidState, match="may be synced"):
        challenge_of(by_bea, waiting)
    decide_with(by_bea, waiting, None, decision="reject")
    assert reread(waiting).state == RequestState.REJECTED


@pytest.mark.parametrize("is_told_at_the_addition", [True, False])
def test_an_answer_of_a_synced_one_is_refused(
    is_told_at_the_addition: bool, waiting: TransitionRequest, bea: User, by_bea: Actor
) -> None:
    device = enrolled(bea, PASSWORD, synced() if is_told_at_the_addition else Authenticator())
    device.flags = PRESENT | VERIFIED | MAY_SYNC
    case = load_case(waiting)
    facts = review_facts(case, by="bea", on_behalf_of="", decision="approve", meaning="", comment="Good.")
    with pytest.raises(InvalidState, match="stays on one device"):
        decide_with(by_bea, waiting, answer(device, new_challenge(actor=by_bea, facts=facts)))
    nothing_is_decided(waiting)


def test_an_approval_from_before_the_option_does_not_count(
    policies: object, bea: User, by_bea: Actor, new_version: NewVersion, ask: Ask, run_checks: RunChecks
) -> None:
    publish(rules=(TWO, FOUR_EYES), signed_by="passkey")
    request = ask(new_version())
    run_checks(request)
    decide_with(by_bea, request, answer(enrolled(bea, PASSWORD, synced()), challenge_of(by_bea, request)))
    before = digest_of(request)
    assert load_case(reread(request)).verdict.approvers == ("bea",)
    publish(rules=(TWO, FOUR_EYES), signed_by="device_passkey")
    assert digest_of(request) != before
    assert load_case(reread(request)).verdict.approvers == ()


def test_break_glass_needs_one_too(new_version: NewVersion, acting: Acting) -> None:
    publish(break_glass=GLASS, signed_by="device_passkey")
    version = new_version()
    ivy = User.objects.create_user("ivy", password="ivy-password-1")
    ivy.groups.add(Group.objects.get_or_create(name="incident")[0])
    enrolled(ivy, "ivy-password-1", synced())
    with pytest.raises(InvalidState, match="may be synced"):
        break_glass_challenge(actor=acting(ivy), version=version, target="Production", reason="Fire.")
    device = enrolled(ivy, "ivy-password-1")
    challenge = break_glass_challenge(actor=acting(ivy), version=version, target="Production", reason="Fire.")
    break_glass(
        actor=acting(ivy),
        name="fraud",
        version=1,
        target="Production",
        reason="Fire.",
        passkey=answer(device, challenge),
        wait_seconds=0,
    )
    assert PasskeySignature.objects.get().request == TransitionRequest.objects.get()
