"""The engine behind every door that moves a version: ask, wait a little for the checks, then move or say what is missing."""

from __future__ import annotations

import time
from datetime import datetime

from django.conf import settings
from django.db import connection, transaction

from approvals.case.locks import lock_request
from approvals.case.snapshots import Case, load_case
from approvals.check_runs.jobs import UNFINISHED
from approvals.models import CheckRun, RequestState, TransitionRequest
from approvals.requests.open import open_request
from approvals.requests.refusals import one_blocker, refusal
from approvals.requests.settle import apply_request, settle_request, waits
from approvals.requests.targets import carry_out, is_there
from approvals.verdict.evaluation import Verdict
from approvals.verdict.rule_outcomes import RuleStatus
from audit.actions import Action
from audit.services import record
from core.actors import Actor, system_actor
from core.canonical import digest_of
from core.errors import Blocker, GateRefused, InvalidState
from core.times import iso_utc
from policies.matching import policy_for
from registry.models import ModelVersion
from registry.queries import get_version

# A person has to approve in any case: wait only so long that the answer can name what the quick checks found.
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
    """Move a version to a stage or an @alias, through the request that collects what its policy asks; return the version as it is then.

    Not governed, or there already: it moves at once. Governed: the live request is found or opened, its checks get
    up to ``wait_seconds`` (settings.CHECK_WAIT_SECONDS), and when nothing is missing it is applied, but not before
    ``apply_after``. Otherwise raises
    GateRefused (already recorded) with one line for each thing missing and the request's URL under ``base_url``. Raises
    NotFound, Denied, InvalidInput and Conflict as `open_request` and `change_stage` do.
    """
    row = get_version(actor, name, version)
    if policy_for(row.model, target) is None or is_there(row, target):
        return _move(actor, row, target, comment, archive_existing=archive_existing)
    _refuse_if_rejected(actor, row, target, base_url)
    try:
        request = open_request(
            actor=actor,
            name=name,
            version=version,
            target=target,
            archive_existing=archive_existing,
            comment=comment,
            apply_after=apply_after,
        )
    except InvalidState:
        row = get_version(actor, name, version)
        if not is_there(row, target):
            raise
        # a worker applied the approved request since we looked: the caller has what they asked for
        return _move(actor, row, target, comment, archive_existing=archive_existing)
    _wait_for_checks(request, settings.CHECK_WAIT_SECONDS if wait_seconds is None else wait_seconds)
    case = settle_request(actor=system_actor("settle_request", on_behalf_of=actor.name), request_id=request.pk)
    if case.request.state == RequestState.APPROVED and waits(case.request):
        raise _refusal(actor, case.request, _later(case.request), base_url)
    if case.request.state == RequestState.APPROVED:
        _apply(actor, case, base_url)
    elif case.request.state != RequestState.APPLIED:
        verdict = case.verdict()
        raise _refusal(actor, case.request, verdict.blocked_by() or _closed(case.request), base_url, verdict=verdict)
    return get_version(actor, name, version)


def carry_on(*, actor: Actor, request: TransitionRequest, wait_seconds: float | None = None) -> TransitionRequest:
    """Wait a little for a request's checks, apply it when nothing is missing, and return it as it is then.

    What is missing is no error here: the request stays open and says it.
    """
    _wait_for_checks(request, settings.CHECK_WAIT_SECONDS if wait_seconds is None else wait_seconds)
    case = settle_request(actor=system_actor("settle_request", on_behalf_of=actor.name), request_id=request.pk)
    if case.request.state == RequestState.APPROVED and not waits(case.request):
        _apply(actor, case, "")
    return _reread(request)


def _move(actor: Actor, row: ModelVersion, target: str, comment: str, *, archive_existing: bool) -> ModelVersion:
    carry_out(actor=actor, version=row, target=target, archive_existing=archive_existing, reason=comment)
    return get_version(actor, row.model.name, row.version)


def _refuse_if_rejected(actor: Actor, row: ModelVersion, target: str, base_url: str) -> None:
    """Keep a script that asks every minute from opening a new request each time a reviewer has rejected the last.

    Only while nothing has changed since; and people may always ask again with a request of their own (`open_request`).
    """
    last = (
        TransitionRequest.objects.filter(version=row, target=target)
        .select_related("version__model", "requester", "policy_revision__policy")
        .order_by("-pk")
        .first()
    )
    if last is None or last.state != RequestState.REJECTED:
        return
    case = load_case(last)
    if not case.policy_changed and case.snapshot.subject_digest == last.subject_digest:
        raise _refusal(actor, last, _closed(last), base_url)


def _wait_for_checks(request: TransitionRequest, seconds: float) -> None:
    """Wait until the request's checks have finished, at most so long. Inside a transaction nothing would be seen."""
    if connection.in_atomic_block or seconds <= 0:
        return
    if _needs_people(request):
        seconds = min(seconds, _WAIT_FOR_RESULTS)
    deadline = time.monotonic() + seconds
    pause = _POLL
    while CheckRun.objects.filter(request=request, state__in=UNFINISHED).exists():
        if time.monotonic() >= deadline:
            return
        time.sleep(pause)
        pause = min(pause * 1.5, 0.5)


def _needs_people(request: TransitionRequest) -> bool:
    return any(
        row.kind == "approvals" and row.status is RuleStatus.PENDING for row in load_case(request).verdict().rules
    )


def _apply(actor: Actor, case: Case, base_url: str) -> None:
    """Apply an approved request as the caller; a worker may have been quicker, which is just as well."""
    request = case.request
    try:
        apply_request(actor=actor, request_id=request.pk)
    except GateRefused as error:
        raise _refusal(actor, request, error.blocked_by, base_url) from error
    except InvalidState as error:
        closed = _reread(request)
        raise _refusal(actor, closed, _closed(closed), base_url) from error


def _reread(request: TransitionRequest) -> TransitionRequest:
    """Return the request as it is now."""
    rows = TransitionRequest.objects.select_related("version__model", "requester", "policy_revision__policy")
    return rows.get(pk=request.pk)


def _later(request: TransitionRequest) -> list[Blocker]:
    why = f"Request #{request.pk} is approved, and is applied after {request.apply_after:%Y-%m-%d %H:%M} UTC."
    return one_blocker("apply-after", why, "nobody: it passes by itself")


def _closed(request: TransitionRequest) -> list[Blocker]:
    why = f"Request #{request.pk} is {request.state}. {request.state_reason}".strip()
    since = iso_utc(request.closed_at) if request.closed_at else ""
    return one_blocker("request", why, "anybody who may edit the model, by changing it or asking anew", since)


def _refusal(
    actor: Actor,
    request: TransitionRequest,
    blockers: list[Blocker],
    base_url: str,
    *,
    verdict: Verdict | None = None,
) -> GateRefused:
    """Return the refusal, recorded: once for each caller and each distinct set of things missing."""
    error = refusal(request.version, request.target, blockers, request_id=request.pk, base_url=base_url, recorded=True)
    pending = {row.rule for row in verdict.rules if row.status is RuleStatus.PENDING} if verdict else set()
    lines = [[item["rule"], "" if item["rule"] in pending else item["why"]] for item in blockers]
    _record_refusal(actor, request.pk, error, digest_of([actor.ref, lines]))
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
