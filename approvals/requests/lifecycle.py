"""Lifecycle of a transition request: refreshing it, withdrawing it, and closing it as stale or expired."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from approvals.case.loading import Case, load_case
from approvals.case.locks import lock_request, lock_visible, require_live
from approvals.check_runs.jobs import queue_checks
from approvals.models import LIVE_STATES, MAX_COMMENT, RequestState, TransitionRequest
from approvals.permissions.refusal import deny_if
from approvals.permissions.requests import refusal_to_withdraw_request
from approvals.requests.change_state import change_request_state
from audit.actions import Action
from audit.services import record
from core.actors import Actor, system_actor
from registry.names import check_text


def refresh_request(*, actor: Actor, request: TransitionRequest, retry_broken: bool = False) -> Case:
    """Bring an open request up to date and return its case; return the case of any other request as it is.

    The request follows the policy revisions that apply now; their rules are added to its own. A check is queued if its
    inputs have changed; with ``retry_broken``, also if it ended in an error or was cancelled. No verdict is evaluated.
    Runs in the caller's transaction, with the request locked.
    """
    case = load_case(request)
    if request.state != RequestState.OPEN:
        return case
    if case.policy_changed:
        _follow_policies(actor, case)
    if queue_checks(actor=actor, case=case, retry_broken=retry_broken):
        case = load_case(request)
    digest = case.snapshot.subject_digest
    if request.subject_digest != digest:
        request.subject_digest = digest
        request.save(update_fields=["subject_digest"])
    return case


@transaction.atomic
def withdraw_request(*, actor: Actor, request_id: int, comment: str = "") -> TransitionRequest:
    """Withdraw a live request and return it.

    Raises NotFound, InvalidInput and TooLarge (the comment), Denied (`refusal_to_withdraw_request`), InvalidState (it
    is closed).
    """
    check_text(comment, "comment", MAX_COMMENT)
    request = lock_visible(actor, request_id)
    deny_if(refusal_to_withdraw_request(actor, request))
    require_live(request)
    change_request_state(actor=actor, request=request, target=RequestState.WITHDRAWN, reason=comment)
    return request


@transaction.atomic
def mark_stale(*, actor: Actor, request_id: int, reason: str) -> bool:
    """Close a live request as stale. Return False if it is closed already. Raises NotFound."""
    request = lock_request(request_id)
    if request.state not in LIVE_STATES:
        return False
    change_request_state(actor=actor, request=request, target=RequestState.STALE, reason=reason)
    return True


@transaction.atomic
def expire_request(*, actor: Actor, request_id: int, at: datetime | None = None) -> bool:
    """Close a live request that has expired, whether approved or not. Return whether it was closed. Raises NotFound."""
    request = lock_request(request_id)
    if request.state not in LIVE_STATES or request.expires_at > (at or timezone.now()):
        return False
    reason = f"Not applied before {request.expires_at:%Y-%m-%d %H:%M} UTC."
    change_request_state(actor=actor, request=request, target=RequestState.EXPIRED, reason=reason)
    return True


@transaction.atomic
def expire_if_due(*, actor: Actor, request_id: int) -> bool:
    """Close a request of a model that the actor may see if it has expired. Return whether it was closed.

    It has its own transaction, so that the refusal that the caller raises then does not roll it back. Raises NotFound.
    """
    request = lock_visible(actor, request_id)
    return expire_request(actor=system_actor("expire_requests"), request_id=request.pk)


def _follow_policies(actor: Actor, case: Case) -> None:
    """Store the policy revisions that apply now. Their rules are added to those the request was opened under."""
    request = case.request
    before: dict[str, object] = {}
    after: dict[str, object] = {}
    if case.governing_changed and case.current is not None:
        before["policy"] = str(request.followed_revision or request.policy_revision)
        after |= {"policy": case.current.label, "policy_digest": case.current.revision.digest}
        request.followed_revision = case.current.revision
    if case.added_changed:
        before["leave_policy"] = str(request.leave_revision) if request.leave_revision else None
        after["leave_policy"] = case.added.label if case.added else None
        after |= {"leave_policy_digest": case.added.revision.digest} if case.added else {}
        request.leave_revision = case.added.revision if case.added else None
    request.save(update_fields=["followed_revision", "leave_revision"])
    record(actor=actor, action=Action.APPROVALS_REQUEST_CHANGED, obj=request, before=before, after=after)
