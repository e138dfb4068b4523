"""Moving a version through a transition request: open it, wait briefly for its checks, then apply it or refuse it."""

from __future__ import annotations

import time
from datetime import datetime

from django.conf import settings
from django.db import connection, transaction

from approvals.case.loading import Case, load_case
from approvals.case.locks import lock_request
from approvals.models import UNFINISHED_CHECKS, CheckRun, RequestState, TransitionRequest
from approvals.requests.before_lock import find_standing_request, find_unchanged_case
from approvals.requests.open import LockedMove, RequestTerms, lock_move, open_case
from approvals.requests.refusals import ApprovalLapsed, refusal, single_blocker
from approvals.requests.settle import apply_request, is_delayed, settle_case, settle_request
from approvals.requests.targets import move_to_target
from approvals.verdict.evaluation import Verdict
from approvals.verdict.rule_outcomes import RESOLVES_AUTOMATICALLY, RuleStatus
from audit.actions import Action
from audit.services import record
from core.actors import Actor, system_actor
from core.canonical import digest_of
from core.errors import Blocker, GateRefused, InvalidState
from core.times import iso_utc
from policies.matching import policies_read_once
from registry.models import ModelVersion
from registry.queries import get_version

# Seconds to wait if a person has to approve in any case: long enough for the refusal to have the quick checks' results.
_WAIT_FOR_RESULTS = 2.0
_POLL = 0.05


def request_transition(
    *,
    actor: Actor,
    name: str,
    version: int,
    target: str,
    archive_existing: bool,
    comment: str = "",
    apply_after: datetime | None = None,
    wait_seconds: float | None = None,
    base_url: str = "",
) -> ModelVersion:
    """Move a version to a stage or an @alias, or remove an alias (`-NAME`), and return the version.

    A move that no policy governs, or to the target where the version is already, is made at once. A governed move goes
    through the live transition request, opened if there is none. Its checks get up to ``wait_seconds``
    (settings.CHECK_WAIT_SECONDS by default) to finish. If no rule blocks, the request is applied, but not before
    ``apply_after``.

    Raises GateRefused (recorded already) if a rule blocks, with a line for each blocker and the request's URL under
    ``base_url``. Raises NotFound, Denied, InvalidInput, TooLarge, InvalidState and Conflict as `open_request` and
    `change_stage` do.
    """
    terms = RequestTerms(archive_existing=archive_existing, comment=comment, apply_after=apply_after)
    case = _look_or_ask(actor, name, version, target, terms, base_url)
    if case is None:
        return get_version(actor, name, version)
    case = _after_checks(actor, case, wait_seconds)
    request = case.request
    if request.state == RequestState.APPROVED and is_delayed(request):
        raise _refusal(actor, request, _delay_blockers(request), base_url)
    if request.state == RequestState.APPROVED:
        _apply(actor, case, base_url)
    elif request.state == RequestState.OPEN:
        raise _refusal(actor, request, case.verdict.blocked_by(), base_url, verdict=case.verdict)
    elif request.state != RequestState.APPLIED:
        raise _refusal(actor, request, _closed_blockers(request), base_url)
    return get_version(actor, name, version)


def advance_request(
    *, actor: Actor, request: TransitionRequest, wait_seconds: float | None = None
) -> TransitionRequest:
    """Wait briefly for a request's checks, apply the request if no rule blocks, and return it as it is then.

    A rule that blocks raises no error: the request stays open. Raises GateRefused if the approved request cannot be
    applied.
    """
    case = _after_checks(actor, settle_request(actor=_system(actor), request_id=request.pk), wait_seconds)
    if case.request.state == RequestState.APPROVED and not is_delayed(case.request):
        _apply(actor, case, "")
    return _reread(request)


def _look_or_ask(actor: Actor, name: str, version: int, target: str, terms: RequestTerms, base_url: str) -> Case | None:
    """Return the case of the request for a move, without a lock where nothing is to be written; None after a move."""
    standing = find_standing_request(actor, name, version, target, terms)
    if standing is None:
        return _ask(actor, name, version, target, terms)
    if _is_applied(actor, standing, base_url):
        return None
    return find_unchanged_case(standing) or _ask(actor, name, version, target, terms)


def _is_applied(actor: Actor, request: TransitionRequest, base_url: str) -> bool:
    """Apply a standing request that is approved, as the caller, and return whether the version has moved.

    Returns False for any other request, and for one that was closed meanwhile: the caller asks anew. Raises
    GateRefused, recorded, where only time is missing.
    """
    if request.state != RequestState.APPROVED or is_delayed(request):
        return False
    try:
        apply_request(actor=actor, request_id=request.pk)
    except (ApprovalLapsed, InvalidState):
        return False
    except GateRefused as error:
        raise _refusal(actor, request, error.blocked_by, base_url) from error
    return True


@transaction.atomic
def _ask(actor: Actor, name: str, version: int, target: str, terms: RequestTerms) -> Case | None:
    """Return the case of the live request for a move, opened if there is none; None if the move was made at once.

    The version, its policy and its position are read once, under the lock. If the last request was rejected and its
    subject is still the same, that request is returned.
    """
    with policies_read_once():
        move = lock_move(actor, name, version, target)
        if move.policy is None or move.is_at_target:
            archive, reason = bool(terms.archive_existing), terms.comment
            move_to_target(actor=actor, version=move.version, target=target, archive_existing=archive, reason=reason)
            return None
        rejected = _rejected_unchanged(move)
        if rejected is not None:
            return rejected
        case = open_case(actor=actor, move=move, terms=terms)
        settle_case(actor=_system(actor), case=case, applied_by=actor)
        return case


def _rejected_unchanged(move: LockedMove) -> Case | None:
    """Return the case of the last request for a move if it was rejected and nothing has changed since; None otherwise.

    This keeps a script that calls every minute from opening a new request after each rejection. People can still open
    a new request (`open_request`).
    """
    rows = TransitionRequest.objects.with_relations().filter(version=move.version, target=move.target)
    last = rows.order_by("-pk").first()
    if last is None or last.state != RequestState.REJECTED:
        return None
    case = load_case(last)
    return case if not case.policy_changed and case.snapshot.subject_digest == last.subject_digest else None


def _after_checks(actor: Actor, case: Case, wait_seconds: float | None) -> Case:
    """Return the settled case; if checks are unfinished, wait for them and settle the request where that changes it."""
    if case.request.state != RequestState.OPEN or not case.has_unfinished_checks:
        return case
    _wait_for_checks(case, settings.CHECK_WAIT_SECONDS if wait_seconds is None else wait_seconds)
    unchanged = find_unchanged_case(_reread(case.request))
    return unchanged or settle_request(actor=_system(actor), request_id=case.request.pk)


def _wait_for_checks(case: Case, seconds: float) -> None:
    """Wait until a request's checks have finished, at most ``seconds``.

    Inside a transaction it does not wait, because no result of a worker would be visible.
    """
    if connection.in_atomic_block or seconds <= 0:
        return
    if any(row.kind == "approvals" and row.status is RuleStatus.PENDING for row in case.verdict.rules):
        seconds = min(seconds, _WAIT_FOR_RESULTS)
    deadline = time.monotonic() + seconds
    pause = _POLL
    while CheckRun.objects.filter(request=case.request, state__in=UNFINISHED_CHECKS).exists():
        if time.monotonic() >= deadline:
            return
        time.sleep(pause)
        pause = min(pause * 1.5, 0.5)


def _system(actor: Actor) -> Actor:
    return system_actor("settle_request", on_behalf_of=actor.name)


def _apply(actor: Actor, case: Case, base_url: str) -> None:
    """Apply an approved request as the caller; do nothing if a worker has applied it already.

    Raises GateRefused, recorded, if it cannot be applied or is closed.
    """
    request = case.request
    try:
        apply_request(actor=actor, request_id=request.pk)
    except GateRefused as error:
        raise _refusal(actor, request, error.blocked_by, base_url) from error
    except InvalidState as error:
        closed = _reread(request)
        raise _refusal(actor, closed, _closed_blockers(closed), base_url) from error


def _reread(request: TransitionRequest) -> TransitionRequest:
    """Return the request as it is now."""
    return TransitionRequest.objects.with_relations().get(pk=request.pk)


def _delay_blockers(request: TransitionRequest) -> list[Blocker]:
    why = f"Request #{request.pk} is approved, and is applied after {request.apply_after:%Y-%m-%d %H:%M} UTC."
    return single_blocker("apply-after", why, RESOLVES_AUTOMATICALLY)


def _closed_blockers(request: TransitionRequest) -> list[Blocker]:
    why = f"Request #{request.pk} is {request.state}. {request.state_reason}".strip()
    since = iso_utc(request.closed_at) if request.closed_at else ""
    return single_blocker("request", why, "anybody who may edit the model, by changing it or asking again", since)


def _refusal(
    actor: Actor,
    request: TransitionRequest,
    blockers: list[Blocker],
    base_url: str,
    *,
    verdict: Verdict | None = None,
) -> GateRefused:
    """Return the refusal and record it, once for each caller and distinct set of blockers."""
    error = refusal(request.version, request.target, blockers, request_id=request.pk, base_url=base_url, recorded=True)
    pending = {row.rule for row in verdict.rules if row.status is RuleStatus.PENDING} if verdict else set()
    lines = [[item["rule"], "" if item["rule"] in pending else item["why"]] for item in blockers]
    fingerprint = digest_of([actor.ref, lines])
    if request.refusal_digest != fingerprint:
        _record_refusal(actor, request.pk, error, fingerprint)
    return error


@transaction.atomic
def _record_refusal(actor: Actor, request_id: int, error: GateRefused, fingerprint: str) -> None:
    request = lock_request(request_id)
    if request.refusal_digest == fingerprint:
        return
    request.refusal_digest = fingerprint
    request.save(update_fields=["refusal_digest"])
    record(
        actor=actor,
        action=Action(error.action),
        obj=request.version,
        after={
            "request": request_id,
            "target": request.target,
            "blocked_by": [dict(item) for item in error.blocked_by],
        },
        reason=error.message,
        outcome="denied",
    )
