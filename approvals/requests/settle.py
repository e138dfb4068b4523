"""Effects of a verdict: an open request is approved, and an approved request is applied or closed as stale."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from datetime import timedelta
from itertools import chain

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from accounts.authentication import actor_from_user
from approvals.case.held import holding
from approvals.case.loading import Case, load_cases
from approvals.case.locks import lock_request, require_live
from approvals.models import RequestState, TransitionRequest, TransitionRequestQuerySet
from approvals.permissions.refusal import deny_if
from approvals.permissions.requests import refusal_to_apply_request
from approvals.requests.change_state import change_request_state
from approvals.requests.later_reviews import schedule_later_reviews
from approvals.requests.lifecycle import mark_stale, refresh_request
from approvals.requests.refusals import ApprovalLapsed
from approvals.requests.targets import move_to_target
from approvals.requests.verdict_cache import is_cached, store_verdict
from audit.actions import Action
from audit.models import Event
from audit.services import enqueue
from core.actors import Actor, system_actor
from core.errors import Denied, DomainError, GateFailed, GateRefused, InvalidState, NotFound
from core.ids import row_id
from core.refs import logged_model_ref, model_stream, run_ref
from policies.matching import policies_read_once
from registry.permissions import level_to_ask, require_level
from tracking.verification import with_verified_files

SWEEP_SECONDS = 10
# A request is examined at once after an event of this age: a few sweeps, because an event commits after its time.
_RECENT = timedelta(seconds=30)
# Every request is examined once in so many sweeps. The number of parts is a power of two up to this.
_MOST_PARTS = 64
_PART = 100
_LARGE_PART = 1000
_MOST_EVENTS = 10_000
# Changes that may concern the verdict of any request, and are in no model's stream.
_OF_ANY_REQUEST = (
    "account.confirmed", "account.group.", "account.membership.", "account.user.", "approvals.check_key.", "approvals.delegation.",
    "approvals.policy.", "lineage.edge.", "lineage.quarantine.",
)  # fmt: skip
_ACTIONS_OF_ANY_REQUEST = [action.value for action in Action if action.startswith(_OF_ANY_REQUEST)]


@transaction.atomic
def settle_request(*, actor: Actor, request_id: int) -> Case:
    """Evaluate a request again and return its case. Raises NotFound.

    Checks with outdated inputs are queued, and an open request is approved if no rule blocks.
    """
    case = refresh_request(actor=actor, request=lock_request(request_id))
    settle_case(actor=actor, case=case)
    return case


def settle_case(*, actor: Actor, case: Case, applied_by: Actor | None = None) -> None:
    """Cache the verdict of an open request for list views, and approve the request if no rule blocks.

    An approved request is applied by a worker, or in this transaction as ``applied_by``, if nothing is in the way. Runs
    in the caller's transaction, with the request locked since before the case was loaded.
    """
    if case.request.state != RequestState.OPEN:
        return
    store_verdict(case)
    if not case.verdict.is_approved:
        return
    _approve(actor, case)
    if is_delayed(case.request) or (applied_by is not None and _is_applied_now(applied_by, case)):
        return
    enqueue("approvals.tasks.apply_request", request_id=case.request.pk)


def _is_applied_now(actor: Actor, case: Case) -> bool:
    """Apply a request that was just approved, and return whether that was possible. Nothing is changed otherwise.

    It is not possible where the files have to be read first, which takes no lock, nor where the move is refused: the
    caller then applies the request as any other approved one, and gets the reason.
    """
    approved = copy(case.request)
    try:
        with transaction.atomic(), holding(case):
            _apply_locked(actor, case.request)
    except DomainError:
        for name, value in vars(approved).items():
            setattr(case.request, name, value)
        return False
    return True


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
    with policies_read_once():
        return _apply_locked(actor, request)


def _apply_locked(actor: Actor | None, request: TransitionRequest) -> TransitionRequest:
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


def requests_to_settle(*, turn: int = 0) -> list[int]:
    """Return the ids of open requests that settling would change.

    Their checks or policy are out of date, no rule blocks any more, or their cached verdict is outdated. Requests whose
    model, run or logged model has a recent event are examined, those whose verdict may change by time alone by now, and
    one part of all: ``turn`` counts the sweeps, and in 64 of them each request is examined. A fixed number of queries.
    """
    rows = TransitionRequest.objects.filter(state=RequestState.OPEN).order_by("pk")
    parts = _number_of_parts(rows.count())
    part = rows.alias(part=F("pk") % parts).filter(part=turn % parts).values_list("pk", flat=True)
    cases = load_cases(list(rows.with_relations().filter(pk__in={*part, *_changed(rows), *_due(rows)})))
    return [case.request.pk for case in cases if _needs_settling(case)]


def _due(rows: TransitionRequestQuerySet) -> list[int]:
    """Return the ids of the requests whose verdict may have changed by time alone, at most 1,000."""
    due = rows.filter(recheck_at__lte=timezone.now()).order_by("recheck_at", "pk")
    return list(due.values_list("pk", flat=True)[:_LARGE_PART])


def _changed(rows: TransitionRequestQuerySet) -> list[int]:
    """Return the ids of the requests whose model, run or logged model has a recent event, at most 1,000.

    Events are read in the order of their index: a plan made without knowing the time would read the whole log.
    """
    events = Event.objects.filter(at__gt=timezone.now() - _RECENT, outcome="ok").order_by("-at", "-id")
    names = set(chain.from_iterable(events.values_list("stream", "object_ref")[:_MOST_EVENTS]))
    named = rows.filter(
        Q(version__model_id__in=[row_id(name) for name in _after(model_stream(0).removesuffix("0"), names)])
        | Q(version__run_id__in=_after(run_ref(""), names))
        | Q(version__logged_model_id__in=_after(logged_model_ref(""), names))
    )
    return list(named.values_list("pk", flat=True)[:_LARGE_PART])


def _after(prefix: str, names: Iterable[str]) -> list[str]:
    """Return those of the names that begin with a prefix, without it."""
    return [name.removeprefix(prefix) for name in names if name.startswith(prefix)]


def _number_of_parts(count: int) -> int:
    """Return how many sweeps examine all of ``count`` requests: few after a change that may concern every request."""
    few = _parts_of(count, _LARGE_PART)
    since = timezone.now() - _RECENT - timedelta(seconds=SWEEP_SECONDS * few)
    changes = Event.objects.filter(action__in=_ACTIONS_OF_ANY_REQUEST, at__gt=since, outcome="ok")
    is_any_concerned = changes.order_by("-at", "-id").values_list("pk", flat=True).first() is not None
    return few if is_any_concerned else _parts_of(count, _PART)


def _parts_of(count: int, size: int) -> int:
    """Return the least power of two that divides ``count`` requests into parts of about ``size``, at most 64.

    A power of two divides 64. So a request whose number has the remainder of ``turn`` by 64 is examined in that turn,
    whatever the number of parts, and nothing is left out when that number changes.
    """
    parts = 1
    while parts < _MOST_PARTS and parts * size < count:
        parts *= 2
    return parts


def _needs_settling(case: Case) -> bool:
    outdated = case.policy_changed or any(rule.id not in case.jobs for rule in case.check_rules)
    return outdated or case.verdict.is_approved or not is_cached(case)


def requests_to_apply(*, limit: int = 500) -> list[int]:
    """Return the ids of the approved requests that are due and not applied yet, oldest first, at most ``limit``."""
    due = Q(apply_after__isnull=True) | Q(apply_after__lte=timezone.now())
    rows = TransitionRequest.objects.filter(due, state=RequestState.APPROVED).order_by("opened_at")
    return list(rows.values_list("pk", flat=True)[:limit])
