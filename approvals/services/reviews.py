"""Reviewing: a person of the right group, with no hand in the work, says yes or no to exactly what they saw."""

from __future__ import annotations

from django.db import transaction

from accounts.models import User
from approvals.counting import excluded_people
from approvals.in_person import is_in_person
from approvals.models import Decision, RequestState, Review, TransitionRequest
from approvals.rules import ApprovalsRule
from approvals.services.archiving import settle_archiving
from approvals.services.requests import (
    MAX_COMMENT,
    close_request,
    expire_request,
    lock_visible,
    refresh_request,
    stream_of,
)
from approvals.services.settling import settle_request
from approvals.snapshots import Case
from audit.actions import Action
from audit.actors import Actor, system_actor
from audit.errors import Conflict, Denied, InvalidInput, InvalidState
from audit.refs import request_ref
from audit.services import record
from registry.names import check_text


def decide_request(
    *,
    actor: Actor,
    request_id: int,
    decision: str,
    comment: str,
    seen_digest: str = "",
    archive_existing: bool | None = None,
) -> Review:
    """Record a decision on a request and return it. A rejection closes the request; the last approval has it applied.

    ``seen_digest`` is the subject digest the reviewer was shown; an approval must name it. ``archive_existing`` is what the
    approver says of the version that is replaced: it must be what the request asks for, unless that was left open. Raises
    NotFound, InvalidInput (decision, comment), Denied (a token, the wrong group, a hand in the work), InvalidState (closed,
    expired, checks not finished or failed), Conflict (it changed since it was looked at, or the reviewer has decided on it
    already).
    """
    chosen = _decision(decision)
    words = _comment(comment)
    if _expire_if_due(actor, request_id):
        raise InvalidState(f"Request #{request_id} has expired.")
    return _decide(actor, request_id, chosen, words, seen_digest, archive_existing)


@transaction.atomic
def _expire_if_due(actor: Actor, request_id: int) -> bool:
    """Close the request if its time is over, in a transaction of its own: what refuses the decision must not undo it."""
    request = lock_visible(actor, request_id)
    return expire_request(actor=system_actor("expire_requests"), request_id=request.pk)


@transaction.atomic
def _decide(
    actor: Actor,
    request_id: int,
    decision: Decision,
    comment: str,
    seen_digest: str,
    archive_existing: bool | None,  # noqa: FBT001 - the approver's own word
) -> Review:
    request = lock_visible(actor, request_id)
    reviewer = _require_person(actor, request)
    case = refresh_request(actor=system_actor("decide_request"), request=request)
    _require_open(request, case)
    _require_reviewer(reviewer, case)
    _require_seen(case, decision, seen_digest)
    _require_first(reviewer, case)
    if decision is Decision.APPROVE:
        _require_checked(case)
        case = _settle_archiving(actor, case, archive_existing)
    review = Review.objects.create(
        request=request,
        reviewer=reviewer,
        decision=decision,
        comment=comment,
        subject_digest=case.snapshot.subject_digest,
        subject_parts=dict(case.snapshot.parts),
    )
    record(
        actor=actor,
        action=Action.APPROVALS_REVIEW_GIVEN,
        obj=request_ref(request.pk),
        stream=stream_of(request),
        after={
            "review": review.pk,
            "decision": decision.value,
            "subject_digest": review.subject_digest,
            "policy": case.policy.label,
        },
        reason=comment,
    )
    _follow(actor, request, review)
    return review


def _follow(actor: Actor, request: TransitionRequest, review: Review) -> None:
    """Draw the consequence of a review."""
    if review.decision == Decision.REJECT:
        reason = f"Rejected by {actor.name}: {review.comment}"
        close_request(request, RequestState.REJECTED, Action.APPROVALS_REQUEST_REJECTED, actor=actor, reason=reason)
        return
    settle_request(actor=system_actor("decide_request", on_behalf_of=actor.name), request_id=request.pk)


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


def _require_person(actor: Actor, request: TransitionRequest) -> User:
    if not is_in_person(actor) or actor.user_id is None:
        raise _denied("Only a person who is signed in may decide; tokens and service accounts never do.", request)
    user = User.objects.filter(pk=actor.user_id, is_active=True, is_service=False).first()
    if user is None:
        raise _denied("Only a person with an active account may decide.", request)
    return user


def _require_open(request: TransitionRequest, case: Case) -> None:
    if request.state != RequestState.OPEN:
        raise InvalidState(f"Request #{request.pk} is {request.state}: there is nothing to decide.")
    if not any(isinstance(rule, ApprovalsRule) for rule in case.rules):
        raise InvalidState(f"{case.policy.label} asks for no approval.")


def _require_reviewer(reviewer: User, case: Case) -> None:
    """Refuse whoever is of no group that is asked, or had a hand in the work. Being a superuser changes neither."""
    groups = {name for rule in case.rules if isinstance(rule, ApprovalsRule) for name in rule.groups}
    if not reviewer.groups.filter(name__in=groups).exists():
        raise _denied(f"{reviewer.username} is not a member of {' or '.join(sorted(groups))}.", case.request)
    excluded = excluded_people(case.rules, case.snapshot.people)
    if role := excluded.get(reviewer.username):
        raise _denied(
            f"{reviewer.username} may not decide on this request, being its {role.replace('_', ' ')}.", case.request
        )


def _require_seen(case: Case, decision: Decision, seen_digest: str) -> None:
    if not seen_digest and decision is Decision.APPROVE:
        raise InvalidInput("An approval must name the subject digest that was looked at (seen_digest).")
    if seen_digest and seen_digest != case.snapshot.subject_digest:
        raise Conflict(f"Request #{case.request.pk} has changed since you looked. Look at it again, then decide.")


def _require_first(reviewer: User, case: Case) -> None:
    earlier = Review.objects.filter(
        request=case.request, reviewer=reviewer, subject_digest=case.snapshot.subject_digest
    )
    if earlier.exists():
        raise Conflict(f"{reviewer.username} has decided on this already.")


def _require_checked(case: Case) -> None:
    if why := why_no_approval(case):
        raise InvalidState(why)


def why_no_approval(case: Case) -> str:
    """Return why an approval would not count yet as far as the checks go, "" when it would."""
    if not case.checks_finished:
        return "The checks have not finished yet; wait for their results."
    failed = [row for row in case.verdict().rules if row.kind == "check" and row.blocks]
    lines = "; ".join(f"{row.rule}: {row.why}" for row in failed)
    return f"An approval would not count while a check fails. {lines}" if failed else ""


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


def _denied(message: str, request: TransitionRequest) -> Denied:
    return Denied(message, action=Action.APPROVALS_REVIEW_GIVEN, obj=request_ref(request.pk), stream=stream_of(request))
