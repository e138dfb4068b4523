"""Passkeys of the cast, and the short way to decide with one."""

from __future__ import annotations

from accounts.models import User
from accounts.passkeys.assertions import Challenge, PasskeyAnswer
from accounts.passkeys.enrolment import begin_enrolment, finish_enrolment
from approvals.case.loading import load_case
from approvals.models import Review, TransitionRequest
from approvals.passkeys.challenges import review_challenge
from approvals.requests.review import decide_request
from core.actors import Actor
from tests.approvals.conftest import reread
from tests.signed_in import session_actor
from tests.software_authenticator import Authenticator


def enrolled(user: User, password: str, device: Authenticator | None = None) -> Authenticator:
    """Return a device whose passkey this person has added."""
    device, actor = device or Authenticator(), session_actor(user)
    begun = begin_enrolment(actor=actor, password=password, name="test key")
    finish_enrolment(actor=actor, token=begun.token, answer=device.create(begun.options))
    return device


def answer(device: Authenticator, challenge: Challenge) -> PasskeyAnswer:
    return PasskeyAnswer(token=challenge.token, answer=device.sign(challenge.options))


def challenge_of(
    actor: Actor, request: TransitionRequest, decision: str = "approve", comment: str = "Good.", meaning: str = ""
) -> Challenge:
    return review_challenge(
        actor=actor,
        request=reread(request),
        decision=decision,
        comment=comment,
        seen_digest=digest_of(request),
        meaning=meaning,
    )


def digest_of(request: TransitionRequest) -> str:
    return load_case(reread(request)).snapshot.subject_digest


def decide_with(
    actor: Actor, request: TransitionRequest, given: PasskeyAnswer | None, decision: str = "approve"
) -> Review:
    return decide_request(
        actor=actor,
        request_id=request.pk,
        decision=decision,
        comment="Good.",
        seen_digest=digest_of(request),
        passkey=given,
    )
