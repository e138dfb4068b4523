"""Effects of a verdict: an open request is approved, and an approved request is applied or closed as stale."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.authentication import actor_from_user
from approvals.case.loading import Case, load_cases
from approvals.case.locks import lock_request, require_live
from approvals.models import RequestState, TransitionRequest
from approvals.permissions.refusal import deny_if
from approvals.permissions.requests import refusal_to_apply_request
from approvals.requests.change_state import change_request_state
from approvals.requests.later_reviews import schedule_later_reviews
from approvals.requests.lifecycle import mark_stale, refresh_request
from approvals.requests.refusals import ApprovalLapsed
from approvals.requests.targets import move_to_target
from approvals.requests.verdict_cache import store_verdict, verdict_summary
from audit.actions import Action
from audit.services import enqueue
from core.actors import Actor, system_actor
from core.errors import Denied, GateFailed, GateRefused, InvalidState, NotFound
from registry.permissions import level_to_ask, require_level
from tracking.verification import with_verified_files


@transaction.atomic
def settle_request(*, actor: Actor, request_id: int) -> Case:
    """Evaluate a request again and return its case. Raises NotFound.

    Checks with outdated inputs are queued, and an open request is approved if no rule blocks.
    """
    case = refresh_request(actor=actor, request=lock_request(request_id))
    settle_case(actor=actor, case=case)
    return case


def settle_case(*, actor: Actor, case: Case) -> None:
    """Cache the verdict of an open request for list views, and approve the request if no rule blocks.

    Runs in the caller's transaction, with the request locked since before the case was loaded.
    """
    if case.request.state != RequestState.OPEN:
        return
    store_verdict(case)
    if case.verdict.is_approved:
        _approve(actor, case)


def _approve(actor: Actor, case: Case) -> None:
    request, verdict = case.request, case.verdict
    if case.apply_delay:
        request.apply_after = max(request.apply_after or timezone.now(), timezone.now() + case.apply_delay)
    facts = {
        "subject_digest": verdict.subject_digest,
        "policy": case.policy.label,
        "approvers": list(verdict.approvers),
        "rules": {row.rule: row.status.value for row in verdict.rules},
        **({"apply_after": request.apply_after} if request.apply_after else {}),
    }
    change_request_state(actor=actor, request=request, target=RequestState.APPROVED, facts=facts)
    if not is_delayed(request):
        enqueue("approvals.tasks.apply_request", request_id=request.pk)


def is_delayed(request: TransitionRequest) -> bool:
    """Return whether a request must not be applied yet because of its ``apply_after``."""
    return request.apply_after is not None and request.apply_after > timezone.now()


def apply_request(*, actor: Actor | None = None, request_id: int) -> TransitionRequest:
    """Apply an approved request and return it: the version moves in the same transaction.

    A second call changes nothing. Without an actor the system applies it on behalf of the requester. Raises NotFound.
    Raises GateRefused: the verdict is no longer approved; the request is closed as stale (ApprovalLapsed), or stays
    approved if only time is missing, as in a freeze. Raises Denied: the requester's account is switched off, or may no
    longer ask for the move; a request that the system applies is then closed as stale. Raises InvalidState: the request
    is closed, not approved, or to be applied later.
    """
    try:
        return with_verified_files(lambda: _apply(actor, request_id))
    except ApprovalLapsed as error:
        reason = "; ".join(f"{item['rule']}: {item['why']}" for item in error.blocked_by)
        mark_stale(actor=system_actor("apply_request"), request_id=request_id, reason=reason)
        raise
    except (Denied, NotFound) as error:
        # Nobody can resolve it. For GateRefused a freeze ends with time, and an operator repairs the gate that failed.
        if actor is None and not isinstance(error, GateRefused | GateFailed):
            mark_stale(actor=system_actor("apply_request"), request_id=request_id, reason=error.message)
        raise


@transaction.atomic
def _apply(actor: Actor | None, request_id: int) -> TransitionRequest:
    request = lock_request(request_id)
    if request.state == RequestState.APPLIED:
        return request
    require_live(request)
    if request.state != RequestState.APPROVED:
        raise InvalidState(f"Request #{request.pk} is not approved yet.")
    if is_delayed(request):
        raise InvalidState(
            f"Request #{request.pk} is approved, and is applied after {request.apply_after:%Y-%m-%d %H:%M} UTC."
        )
    requester = actor_from_user(request.requester, auth="system", request_id="")
    version = request.version
    deny_if(refusal_to_apply_request(request))
    level = level_to_ask(version.stage, request.target)
    require_level(requester, version.model, level, action=Action.REGISTRY_STAGE_CHANGED, obj=request)
    performer = actor or system_actor("apply_request", on_behalf_of=request.requester.username)
    move_to_target(
        actor=performer,
        version=version,
        target=request.target,
        archive_existing=request.archive_existing,
        reason=f"Transition request #{request.pk}. {request.comment}".strip(),
    )
    change_request_state(actor=performer, request=request, target=RequestState.APPLIED)
    schedule_later_reviews(actor=performer, request=request)
    return request


def requests_to_settle(*, turn: int = 0, batch: int = 1000) -> list[int]:
    """Return the ids of open requests that settling would change.

    Their checks or policy are out of date, no rule blocks any more, or their cached verdict is outdated. One batch is
    examined, in a fixed number of queries; each ``turn`` examines the next batch, so that the cost does not grow with
    the number of open requests.
    """
    rows = TransitionRequest.objects.filter(state=RequestState.OPEN).order_by("pk")
    batches = max(1, -(-rows.count() // batch))
    start = turn % batches * batch
    cases = load_cases(list(rows.with_relations()[start : start + batch]))
    return [case.request.pk for case in cases if _needs_settling(case)]


def _needs_settling(case: Case) -> bool:
    outdated = case.policy_changed or any(rule.id not in case.jobs for rule in case.check_rules)
    return outdated or case.verdict.is_approved or case.request.cached_verdict != verdict_summary(case)


def requests_to_apply(*, limit: int = 500) -> list[int]:
    """Return the ids of the approved requests that are due and not applied yet, oldest first, at most ``limit``."""
    due = Q(apply_after__isnull=True) | Q(apply_after__lte=timezone.now())
    rows = TransitionRequest.objects.filter(due, state=RequestState.APPROVED).order_by("opened_at")
    return list(rows.values_list("pk", flat=True)[:limit])
