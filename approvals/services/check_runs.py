"""Validation jobs as rows: queued, leased to one worker at a time, finished exactly once.

The row is the truth and the queue only says "look". A worker takes a lease and with it the next fence number; it may write
only while its fence is the row's, so a worker that was given up, or a job that was delivered twice, changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from approvals.checks.base import CheckResult
from approvals.checks.registry import known_checks
from approvals.models import CheckRun, CheckState
from approvals.snapshots import Case
from audit.actions import Action
from audit.actors import Actor
from audit.canonical import digest_of, plain
from audit.refs import model_stream, request_ref
from audit.services import enqueue, record

MAX_ATTEMPTS = 4
UNFINISHED = (CheckState.QUEUED, CheckState.RUNNING)
# A job whose message was lost is announced again after this long, then ever less often.
_FIRST_REMINDER = timedelta(seconds=10)
_LAST_REMINDER = timedelta(hours=1)
_BACK_OFF = timedelta(seconds=2)


class LeaseLost(Exception):
    """Somebody else has the job now: stop, and write nothing."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on a job, as long as ``fence`` is the row's."""

    job: CheckRun
    fence: int


def lease_time() -> timedelta:
    """Return how long a worker may be silent before its job is given to another."""
    return timedelta(seconds=settings.CHECK_LEASE_SECONDS)


def queue_checks(*, actor: Actor, case: Case, retry_broken: bool = False) -> int:
    """Queue each check that has not looked at the present state; return how many. With ``retry_broken`` also those that
    broke off doing so. Runs in the caller's transaction, with the request locked.
    """
    queued = 0
    for rule in case.check_rules:
        job = case.jobs.get(rule.id)
        if job is not None and not (retry_broken and job.state == CheckState.ERROR):
            continue
        now = timezone.now()
        fresh = {"queued_at": now, "lease_until": now + _FIRST_REMINDER}
        if job is None:
            job = CheckRun(
                request=case.request,
                rule=rule.id,
                check_code=rule.check,
                params=dict(rule.params),
                inputs_digest=case.inputs[rule.id],
                **fresh,
            )
            job.save(force_insert=True)
        else:
            again = {"state": CheckState.QUEUED, "attempts": 0, "progress": 0, "summary": "", "evidence": {}}
            blank = {"evidence_digest": "", "started_at": None, "finished_at": None, "worker": ""}
            CheckRun.objects.filter(pk=job.pk).update(fence=F("fence") + 1, **again, **blank, **fresh)
        _record(actor, Action.APPROVALS_CHECK_QUEUED, job, after={"inputs_digest": job.inputs_digest})
        _announce(job)
        queued += 1
    return queued


@transaction.atomic
def take_lease(*, check_run_id: int, worker: str) -> Lease | None:
    """Return the lease of a job that waits, or whose worker fell silent; None where there is nothing to do."""
    now = timezone.now()
    free = Q(state=CheckState.QUEUED) | Q(state=CheckState.RUNNING, lease_until__lt=now)
    taken = CheckRun.objects.filter(free, pk=check_run_id, attempts__lt=MAX_ATTEMPTS).update(
        state=CheckState.RUNNING,
        fence=F("fence") + 1,
        attempts=F("attempts") + 1,
        lease_until=now + lease_time(),
        worker=worker[:200],
        started_at=now,
        progress=0,
    )
    if not taken:
        return None
    job = _with_model().get(pk=check_run_id)
    return Lease(job=job, fence=job.fence)


def report_progress(*, lease: Lease, percent: int) -> None:
    """Write how far a job is and prolong its lease; LeaseLost when it is somebody else's by now."""
    kept = CheckRun.objects.filter(pk=lease.job.pk, fence=lease.fence, state=CheckState.RUNNING).update(
        progress=max(0, min(99, percent)), lease_until=timezone.now() + lease_time()
    )
    if not kept:
        raise LeaseLost


@transaction.atomic
def finish_check(*, actor: Actor, lease: Lease, result: CheckResult) -> bool:
    """Write a job's result and record it; False (and nothing written) where the lease is no longer this worker's."""
    state = CheckState.PASSED if result.passed else CheckState.FAILED
    return _close(actor, lease.job, lease.fence, state, result.summary, plain(result.evidence, shorten=False))


@transaction.atomic
def break_off(*, actor: Actor, lease: Lease, why: str, for_good: bool = False) -> bool:
    """Give a job back after it failed by itself: to be tried again a little later, or for good after MAX_ATTEMPTS."""
    if for_good or lease.job.attempts >= MAX_ATTEMPTS:
        return _close(actor, lease.job, lease.fence, CheckState.ERROR, why, {"attempts": lease.job.attempts})
    back = CheckRun.objects.filter(pk=lease.job.pk, fence=lease.fence, state=CheckState.RUNNING).update(
        state=CheckState.QUEUED, lease_until=timezone.now() + _BACK_OFF * 2**lease.job.attempts, summary=why[:1000]
    )
    return bool(back)


def requeue_expired(*, actor: Actor, now: datetime) -> int:
    """Announce again what waits too long, and take back what its worker left; return how many jobs were touched."""
    due = CheckRun.objects.filter(state__in=UNFINISHED, lease_until__lt=now).order_by("lease_until")
    return sum(_requeue_one(actor, job_id, now) for job_id in due.values_list("pk", flat=True)[:500])


@transaction.atomic
def _requeue_one(actor: Actor, job_id: int, now: datetime) -> bool:
    job = _with_model().select_for_update(of=("self",)).get(pk=job_id)
    if job.state not in UNFINISHED or job.lease_until is None or job.lease_until >= now:
        return False
    lost = job.state == CheckState.RUNNING
    if job.attempts >= MAX_ATTEMPTS:
        why = f"The check was started {job.attempts} times and never came to an end."
        return _close(actor, job, job.fence, CheckState.ERROR, why, {"attempts": job.attempts}, was=job.state)
    wait = min(max(now - job.queued_at, _FIRST_REMINDER), _LAST_REMINDER)
    CheckRun.objects.filter(pk=job.pk, fence=job.fence, state=job.state).update(
        state=CheckState.QUEUED, lease_until=now + wait, fence=F("fence") + 1
    )
    if lost:
        why = f"Its worker {job.worker} fell silent."
        _record(actor, Action.APPROVALS_CHECK_REQUEUED, job, after={"attempts": job.attempts}, reason=why)
    _announce(job)
    return True


def _close(
    actor: Actor,
    job: CheckRun,
    fence: int,
    state: CheckState,
    summary: str,
    evidence: object,
    *,
    was: str = CheckState.RUNNING,
) -> bool:
    now = timezone.now()
    digest = digest_of({"summary": summary, "evidence": evidence})
    written = CheckRun.objects.filter(pk=job.pk, fence=fence, state=was).update(
        state=state,
        summary=summary[:1000],
        evidence=evidence,
        evidence_digest=digest,
        progress=100,
        lease_until=None,
        finished_at=now,
    )
    if not written:
        return False
    after = {"state": state.value, "summary": summary, "evidence_digest": digest, "attempt": job.attempts}
    _record(actor, Action.APPROVALS_CHECK_FINISHED, job, after=after)
    enqueue("approvals.tasks.settle_request", request_id=job.request_id)
    return True


def _announce(job: CheckRun) -> None:
    check = known_checks().get(job.check_code)
    queue = getattr(check, "queue", "fast")
    enqueue("approvals.tasks.run_check", queue="slow" if queue == "slow" else "fast", check_run_id=job.pk)


def _record(actor: Actor, action: Action, job: CheckRun, *, after: dict[str, object], reason: str = "") -> None:
    facts = {"check_run": job.pk, "rule": job.rule, "check": job.check_code}
    record(
        actor=actor,
        action=action,
        obj=request_ref(job.request_id),
        stream=model_stream(job.request.version.model_id),
        after=facts | after,
        reason=reason,
    )


def _with_model() -> QuerySet[CheckRun]:
    return CheckRun.objects.select_related("request__version__model")
