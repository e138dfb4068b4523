"""Reviews: an eligible reviewer approves, rejects, or asks for changes, of exactly the state that they were shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db import transaction

from accounts.models import User
from accounts.passkeys.assertions import PasskeyAnswer, VerifiedStatement
from approvals.case.loading import Case, reload_reviews
from approvals.case.locks import lock_visible
from approvals.case.seen import require_seen_digest
from approvals.models import MAX_COMMENT, ApprovalCondition, Decision, RequestState, Review
from approvals.oversight.condition_terms import ConditionTerms, check_conditions, condition_facts, insert_conditions
from approvals.passkeys.signatures import passkey_facts, require_passkey, store_signature, verify_passkey
from approvals.passkeys.statements import review_facts
from approvals.permissions.refusal import deny_if
from approvals.permissions.reviews import Eligibility, eligibility_of, load_reviewer, refusal_to_decide
from approvals.requests.change_state import change_request_state
from approvals.requests.give_reason import set_archiving
from approvals.requests.lifecycle import expire_if_due, refresh_request
from approvals.requests.settle import settle_case
from approvals.requests.signatures import Signature, VerifiedSignature, signature_facts, signed_fields, verify_signature
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
    passkey: PasskeyAnswer | None = None,
    conditions: Sequence[ConditionTerms] = (),
) -> Review:
    """Record a decision on a request and return the review.

    A rejection closes the request; the last approval applies it. The latest decision of a reviewer on a state counts.
    An approved request that waits to be applied can still be rejected. ``seen_digest`` is the subject digest that the
    reviewer was shown; an approval needs it. ``archive_existing`` is whether the replaced version is archived; it must
    be as in the request, unless the requester left it open. ``conditions`` of an approval become findings when the
    request is applied. ``signature`` is needed if the policy asks for one; ``passkey`` is needed for an approval if the
    policy asks for the signature of a passkey.

    Raises NotFound, InvalidInput (decision, comment, seen_digest, conditions, meaning, passkey), TooLarge, Denied (a
    token, not eligible, involved in the work, a wrong password), InvalidState (the request is closed or has expired,
    its checks are unfinished or failed, no signature), Conflict (the request has changed since it was seen, or the
    reviewer has made the same decision already).
    """
    chosen = _decision(decision)
    checked_comment = _comment(comment)
    if expire_if_due(actor=actor, request_id=request_id):
        raise InvalidState(f"Request #{request_id} has expired.")
    review_input = _ReviewInput(chosen, checked_comment, seen_digest, archive_existing, tuple(conditions), passkey)
    return _decide(actor, request_id, review_input, verify_signature(actor, signature, chosen))


@dataclass(frozen=True, slots=True)
class _ReviewInput:
    """The input of a reviewer: the decision, its comment, the digest they saw, the conditions, and their passkey's
    answer.
    """

    decision: Decision
    comment: str
    seen_digest: str
    archive_existing: bool | None
    conditions: tuple[ConditionTerms, ...] = ()
    passkey: PasskeyAnswer | None = None


@transaction.atomic
def _decide(actor: Actor, request_id: int, review_input: _ReviewInput, verified: VerifiedSignature | None) -> Review:
    request = lock_visible(actor, request_id)
    case = refresh_request(actor=system_actor("decide_request"), request=request)
    eligibility = eligibility_of(load_reviewer(actor, [request.version.model_id]), case)
    deny_if(refusal_to_decide(actor, case, eligibility))
    _require_decidable(eligibility, case, review_input.decision)
    reviewer = User.objects.get(pk=actor.user_id or 0)
    require_seen_digest(case, review_input.seen_digest, needed=review_input.decision is Decision.APPROVE)
    if eligibility.last_decision == review_input.decision:
        raise Conflict(f"{reviewer.username} has already made this decision.")
    if review_input.decision is Decision.APPROVE:
        _require_checked(case)
        require_passkey(review_input.passkey, needed=case.snapshot.needs_passkey, policy=case.policy.label)
    conditions = check_conditions(review_input.conditions, review_input.decision, request.version.model)
    signed = signed_fields(case, reviewer, verified)
    if review_input.decision is Decision.APPROVE:
        case = _choose_archiving(actor, case, review_input.archive_existing)
    by_passkey = _verify_passkey(actor, case, review_input, eligibility, signed.get("meaning", ""))
    review = Review.objects.create(
        request=request,
        reviewer=reviewer,
        decision=review_input.decision,
        comment=review_input.comment,
        subject_digest=case.snapshot.subject_digest,
        subject_parts=dict(case.snapshot.parts),
        on_behalf_of=eligibility.on_behalf_of,
        **signed,
    )
    store_signature(by_passkey, review=review)
    insert_conditions(review, conditions)
    _record(actor, case, review, conditions, passkey_facts(by_passkey))
    _settle_or_close(actor, case, review)
    return review


def _verify_passkey(
    actor: Actor, case: Case, review_input: _ReviewInput, eligibility: Eligibility, meaning: str
) -> VerifiedStatement | None:
    facts = review_facts(
        case,
        by=actor.name,
        on_behalf_of=eligibility.on_behalf_of.username if eligibility.on_behalf_of else "",
        decision=review_input.decision.value,
        meaning=meaning,
        comment=review_input.comment,
    )
    on_device = case.snapshot.needs_device_passkey and review_input.decision is Decision.APPROVE
    return verify_passkey(actor, review_input.passkey, facts, on_device=on_device)


def _record(
    actor: Actor,
    case: Case,
    review: Review,
    conditions: Sequence[ApprovalCondition],
    facts: Mapping[str, object],
) -> None:
    after: dict[str, object] = {
        "review": review.pk,
        "decision": review.decision,
        "subject_digest": review.subject_digest,
        "policy": case.policy.label,
    }
    if review.on_behalf_of is not None:
        after["on_behalf_of"] = review.on_behalf_of.username
    if conditions:
        after["conditions"] = condition_facts(conditions)
    record(
        actor=actor,
        action=Action.APPROVALS_REVIEW_GIVEN,
        obj=case.request,
        after={**after, **signature_facts(review), **facts},
        reason=review.comment,
    )


def _settle_or_close(actor: Actor, case: Case, review: Review) -> None:
    """Close the request after a rejection; settle it after any other decision."""
    if review.decision == Decision.REJECT:
        reason = f"Rejected by {actor.name}: {review.comment}"
        change_request_state(actor=actor, request=case.request, target=RequestState.REJECTED, reason=reason)
        return
    settle_case(actor=system_actor("decide_request", on_behalf_of=actor.name), case=reload_reviews(case))


def _decision(value: str) -> Decision:
    try:
        return Decision(value)
    except ValueError as error:
        raise InvalidInput(f"Invalid decision: {value[:100]}. Use {' or '.join(Decision.values)}.") from error


def _comment(value: str) -> str:
    comment = check_text(value, "comment", MAX_COMMENT).strip()
    if not comment:
        raise InvalidInput("A decision needs a comment.")
    return comment


def _require_decidable(eligibility: Eligibility, case: Case, decision: Decision) -> None:
    """Raise InvalidState if nobody can decide on the request, or if it can only be rejected."""
    if eligibility.is_about_request:
        raise InvalidState(eligibility.message)
    if case.request.state == RequestState.APPROVED and decision is not Decision.REJECT:
        raise InvalidState(f"Request #{case.request.pk} is approved already. It can now only be rejected.")


def _require_checked(case: Case) -> None:
    if why := approval_obstacle(case):
        raise InvalidState(why)


def approval_obstacle(case: Case) -> str:
    """Return the reason why an approval would not count yet, unfinished or failed checks; "" if it would count."""
    if not case.checks_finished:
        return "The checks have not finished yet; wait for their results."
    lines = "; ".join(f"{row.rule}: {row.why}" for row in case.blocking_checks())
    return f"An approval would not count while a check fails. {lines}" if lines else ""


def _choose_archiving(actor: Actor, case: Case, archive_existing: bool | None) -> Case:  # noqa: FBT001 - a field of _ReviewInput
    """Store the first approver's choice if the requester left it open. Return the case, loaded again if it changed.

    Raises Conflict if another choice was made before.
    """
    request = case.request
    if archive_existing is None or (archive_existing == request.archive_existing and not request.archive_left_open):
        return case
    if not request.archive_left_open:
        requested_archiving = str(request.archive_existing).lower()
        raise Conflict(
            f"Request #{request.pk} asks for archive_existing_versions={requested_archiving}. Approve the same, or reject it."
        )
    set_archiving(actor=actor, request=request, archive_existing=archive_existing)
    return refresh_request(actor=system_actor("decide_request"), request=request)
