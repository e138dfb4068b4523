"""Reviewing: a person of the right group, with no hand in the work, says yes or no to exactly what they saw."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from accounts.models import User
from approvals.case.loading import Case, reload_reviews
from approvals.case.locks import lock_visible
from approvals.models import MAX_COMMENT, Decision, RequestState, Review
from approvals.permissions.refusal import deny_if
from approvals.permissions.reviews import Eligibility, eligibility_of, load_reviewer, refusal_to_decide
from approvals.requests.archiving import settle_archiving
from approvals.requests.change_state import change_request_state
from approvals.requests.lifecycle import expire_request, refresh_request
from approvals.requests.settle import settle_case
from approvals.requests.signatures import Proof, Signature, prove, signature_facts, signed_fields
from audit.actions import Action
from audit.services import record
from core.actors import Actor, system_actor
from core.errors import Conflict, InvalidInput, InvalidState
from registry.names import check_text


def decide_request(
    *,
    actor: Actor,
    request_id: int,
    decision: str,
    comment: str,
    seen_digest: str = "",
    archive_existing: bool | None = None,
    signature: Signature | None = None,
) -> Review:
    """Record a decision on a request and return it. A rejection closes the request; the last approval has it applied.

    The latest decision of a reviewer on a state counts; the same decision twice is a Conflict. An approved
    request that waits to be applied can still be rejected. ``seen_digest`` is the subject digest the reviewer was shown; an
    approval must name it. ``archive_existing`` is what the approver says of the version that is replaced: it must be what the
    request asks for, unless that was left open. ``signature`` is needed where the policy asks for one. Raises NotFound,
    InvalidInput (decision, comment, meaning), Denied (a token, no standing, a hand in the work, a wrong password),
    InvalidState (closed, expired, checks not finished or failed, no signature), Conflict (it changed since it was looked at,
    or the reviewer has said so already).
    """
    chosen = _decision(decision)
    words = _comment(comment)
    if _expire_if_due(actor, request_id):
        raise InvalidState(f"Request #{request_id} has expired.")
    return _decide(
        actor, request_id, _Word(chosen, words, seen_digest, archive_existing), prove(actor, signature, chosen)
    )


@dataclass(frozen=True, slots=True)
class _Word:
    """The decision of a reviewer, with its comment and the digest they saw."""

    decision: Decision
    comment: str
    seen_digest: str
    archive_existing: bool | None


@transaction.atomic
def _expire_if_due(actor: Actor, request_id: int) -> bool:
    """Close the request if its time is over, in a transaction of its own: what refuses the decision must not undo it."""
    request = lock_visible(actor, request_id)
    return expire_request(actor=system_actor("expire_requests"), request_id=request.pk)


@transaction.atomic
def _decide(actor: Actor, request_id: int, word: _Word, proof: Proof | None) -> Review:
    request = lock_visible(actor, request_id)
    case = refresh_request(actor=system_actor("decide_request"), request=request)
    eligibility = eligibility_of(load_reviewer(actor, [request.version.model_id]), case)
    deny_if(refusal_to_decide(actor, case, eligibility))
    _require_decidable(eligibility, case, word.decision)
    reviewer = User.objects.get(pk=actor.user_id or 0)
    require_seen(case, word.seen_digest, needed=word.decision is Decision.APPROVE)
    if eligibility.last_decision == word.decision:
        raise Conflict(f"{reviewer.username} has decided so already.")
    if word.decision is Decision.APPROVE:
        _require_checked(case)
    signed = signed_fields(case, reviewer, proof)
    if word.decision is Decision.APPROVE:
        case = _settle_archiving(actor, case, word.archive_existing)
    review = Review.objects.create(
        request=request,
        reviewer=reviewer,
        decision=word.decision,
        comment=word.comment,
        subject_digest=case.snapshot.subject_digest,
        subject_parts=dict(case.snapshot.parts),
        on_behalf_of=eligibility.on_behalf_of,
        **signed,
    )
    _record(actor, case, review)
    _follow(actor, case, review)
    return review


def _record(actor: Actor, case: Case, review: Review) -> None:
    after: dict[str, object] = {
        "review": review.pk,
        "decision": review.decision,
        "subject_digest": review.subject_digest,
        "policy": case.policy.label,
    }
    if review.on_behalf_of is not None:
        after["on_behalf_of"] = review.on_behalf_of.username
    record(
        actor=actor,
        action=Action.APPROVALS_REVIEW_GIVEN,
        obj=case.request,
        after=after | signature_facts(review),
        reason=review.comment,
    )


def _follow(actor: Actor, case: Case, review: Review) -> None:
    """Close the request after a rejection; after any other decision settle it."""
    if review.decision == Decision.REJECT:
        reason = f"Rejected by {actor.name}: {review.comment}"
        change_request_state(actor=actor, request=case.request, target=RequestState.REJECTED, reason=reason)
        return
    settle_case(actor=system_actor("decide_request", on_behalf_of=actor.name), case=reload_reviews(case))


def _decision(value: str) -> Decision:
    try:
        return Decision(value)
    except ValueError as error:
        raise InvalidInput(f"A decision is {' or '.join(Decision.values)}.") from error


def _comment(value: str) -> str:
    words = check_text(value, "comment", MAX_COMMENT).strip()
    if not words:
        raise InvalidInput("A decision needs a comment.")
    return words


def _require_decidable(eligibility: Eligibility, case: Case, decision: Decision) -> None:
    """Raise InvalidState where there is nothing to decide, or nothing but to reject."""
    if eligibility.is_about_request:
        raise InvalidState(eligibility.message)
    if case.request.state == RequestState.APPROVED and decision is not Decision.REJECT:
        raise InvalidState(f"Request #{case.request.pk} is approved already. It can now only be rejected.")


def require_seen(case: Case, seen_digest: str, *, needed: bool) -> None:
    """Raise Conflict where what was seen is no longer what is; InvalidInput where it must be said and was not."""
    if not seen_digest and needed:
        raise InvalidInput("An approval must name the subject digest that was looked at (seen_digest).")
    if seen_digest and seen_digest != case.snapshot.subject_digest:
        raise Conflict(f"Request #{case.request.pk} has changed since you looked. Look at it again, then decide.")


def _require_checked(case: Case) -> None:
    if why := why_no_approval(case):
        raise InvalidState(why)


def why_no_approval(case: Case) -> str:
    """Return why an approval would not count yet as far as the checks go, "" when it would."""
    if not case.checks_finished:
        return "The checks have not finished yet; wait for their results."
    lines = "; ".join(f"{row.rule}: {row.why}" for row in case.blocking_checks())
    return f"An approval would not count while a check fails. {lines}" if lines else ""


def _settle_archiving(actor: Actor, case: Case, wanted: bool | None) -> Case:  # noqa: FBT001 - the approver's own word
    """Let the first approver say what the requester left open; afterwards, and otherwise, all must say the same."""
    request = case.request
    if wanted is None or (wanted == request.archive_existing and not request.archive_left_open):
        return case
    if not request.archive_left_open:
        asked = str(request.archive_existing).lower()
        raise Conflict(
            f"Request #{request.pk} asks for archive_existing_versions={asked}. Approve the same, or reject it."
        )
    settle_archiving(actor=actor, request=request, archive_existing=wanted)
    return refresh_request(actor=system_actor("decide_request"), request=request)
