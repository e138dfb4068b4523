"""Check jobs: each is a row that is queued, leased to one worker at a time, and finished exactly once.

The row has the state; a message in the queue only has the id of the row. A worker that takes a lease gets the next
fence number and may write only while its fence is that of the row. So a worker that lost its lease changes nothing, and
a message that is delivered twice does no harm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from approvals.case.loading import Case
from approvals.check_runs.evidence import Stored, facts_of, record_files, store_files
from approvals.models import CheckRun, CheckState
from audit.actions import Action
from audit.services import enqueue, record
from core.actors import Actor
from core.canonical import digest_of, plain
from core.metrics import CHECK_SECONDS
from validation.base import CheckResult, seconds_for
from validation.catalogue import known_checks

MAX_ATTEMPTS = 4
# States of jobs that are queued again when the move is requested again.
BROKEN = (CheckState.ERROR, CheckState.CANCELLED)
MAX_LOG = 16_000
# A job whose message was lost is sent to the queue again after this time, then less and less often (sweep.py).
FIRST_REMINDER = timedelta(seconds=10)
_BACK_OFF = timedelta(seconds=2)
_LONGEST_POSTPONED = timedelta(minutes=5)


class LeaseLost(Exception):
    """The job was cancelled or another worker has taken it: the worker must stop and write nothing."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on a job, as long as ``fence`` is the row's."""

    job: CheckRun
    fence: int


def lease_time() -> timedelta:
    """Return how long a worker may report nothing before its job is given to another."""
    return timedelta(seconds=settings.CHECK_LEASE_SECONDS)


def queue_checks(*, actor: Actor, case: Case, retry_broken: bool = False) -> int:
    """Queue each check that has no job for the present inputs. Return how many were queued.

    With ``retry_broken`` the checks that did not complete or were cancelled are queued again. Runs in the caller's
    transaction, with the request locked.
    """
    queued = 0
    for rule in case.check_rules:
        job = case.jobs.get(rule.id)
        if job is None:
            job = CheckRun(
                request=case.request,
                rule=rule.id,
                check_code=rule.check,
                params=dict(rule.params),
                inputs_digest=case.inputs[rule.id],
                **_queued(rule.check),
            )
            job.save(force_insert=True)
            _queue(actor, job)
        elif retry_broken and job.state in BROKEN:
            restart(actor, job)
        else:
            continue
        queued += 1
    return queued


def restart(actor: Actor, job: CheckRun) -> None:
    """Queue a finished job once more, in the caller's transaction with the request locked.

    Its row loses the earlier result, which the audit events keep.
    """
    result = {
        "attempts": 0,
        "progress": 0,
        "summary": "",
        "evidence": {},
        "evidence_digest": "",
        "log": "",
        "author": "",
    }
    attempt = {"started_at": None, "finished_at": None, "ends_by": None, "worker": ""}
    CheckRun.objects.filter(pk=job.pk).update(fence=F("fence") + 1, **result, **attempt, **_queued(job.check_code))
    _queue(actor, job)


def _queued(code: str) -> dict[str, Any]:
    """Return the fields of a new job: waiting for a posted result, or queued for a worker."""
    now = timezone.now()
    if _is_posted(code):
        return {"state": CheckState.WAITING, "queued_at": now, "lease_until": None}
    return {"state": CheckState.QUEUED, "queued_at": now, "lease_until": now + FIRST_REMINDER}


def _is_posted(code: str) -> bool:
    return bool(getattr(known_checks().get(code), "posted", False))


def _queue(actor: Actor, job: CheckRun) -> None:
    record_about(actor, Action.APPROVALS_CHECK_QUEUED, job, after={"inputs_digest": job.inputs_digest})
    if not _is_posted(job.check_code):
        queue_job(job)


@transaction.atomic
def take_lease(*, check_run_id: int, worker: str) -> Lease | None:
    """Take a job that is queued, or whose lease has run out, and return the lease.

    Return None if another worker has the job, if it has ended, or after MAX_ATTEMPTS.
    """
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
        log="",
    )
    if not taken:
        return None
    job = jobs_with_model().get(pk=check_run_id)
    job.ends_by = now + timedelta(seconds=seconds_for(known_checks().get(job.check_code)))
    job.save(update_fields=["ends_by"])
    return Lease(job=job, fence=job.fence)


def report_progress(*, lease: Lease, percent: int, log: str = "") -> None:
    """Store the progress and log of a job and extend its lease.

    Raises LeaseLost where the job was cancelled or another worker has taken it.
    """
    is_current = CheckRun.objects.filter(pk=lease.job.pk, fence=lease.fence, state=CheckState.RUNNING).update(
        progress=max(0, min(99, percent)), lease_until=timezone.now() + lease_time(), log=_end_of(log)
    )
    if not is_current:
        raise LeaseLost


def _end_of(log: str) -> str:
    return log.replace("\x00", "")[-MAX_LOG:]


def finish_check(*, actor: Actor, lease: Lease, result: CheckResult, log: str = "") -> bool:
    """Store the result of a job and record the event. Return False, and store nothing, if the lease was lost.

    Raises InvalidState (the evidence files) and Unavailable (their bytes were just deleted).
    """
    stored = store_files(result.files)  # before the transaction: writing bytes holds no lock
    with transaction.atomic():
        return close_job(actor, lease.job, lease.fence, outcome_of(result), stored=stored, log=log)


@transaction.atomic
def fail_attempt(*, actor: Actor, lease: Lease, why: str, for_good: bool = False, log: str = "") -> bool:
    """Store that an attempt failed, with the reason ``why``.

    The job is queued again; after MAX_ATTEMPTS, or with ``for_good``, it ends as an error. Return False, and store
    nothing, if the lease was lost.
    """
    if for_good or lease.job.attempts >= MAX_ATTEMPTS:
        outcome = Outcome(CheckState.ERROR, why, {"attempts": lease.job.attempts})
        return close_job(actor, lease.job, lease.fence, outcome, log=log)
    requeued = CheckRun.objects.filter(pk=lease.job.pk, fence=lease.fence, state=CheckState.RUNNING).update(
        state=CheckState.QUEUED,
        lease_until=timezone.now() + _BACK_OFF * 2**lease.job.attempts,
        summary=why[:1000],
        log=_end_of(log),
    )
    return bool(requeued)


def postpone_attempt(*, lease: Lease, why: str, log: str = "") -> bool:
    """Queue a job again because a store or the database did not answer. The attempt is not counted.

    Return False, and store nothing, if the lease was lost.
    """
    now = timezone.now()
    wait = min(max(now - lease.job.queued_at, FIRST_REMINDER), _LONGEST_POSTPONED)
    postponed = CheckRun.objects.filter(pk=lease.job.pk, fence=lease.fence, state=CheckState.RUNNING).update(
        state=CheckState.QUEUED,
        attempts=F("attempts") - 1,
        lease_until=now + wait,
        summary=why[:1000],
        log=_end_of(log),
    )
    return bool(postponed)


def overdue_reason(job: CheckRun) -> str:
    """Return the summary of a job that was stopped at the time limit of its check."""
    seconds = seconds_for(known_checks().get(job.check_code))
    return f"The check was stopped: it took longer than its limit of {seconds} seconds."


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a job: its final state, a one-sentence summary, and the evidence."""

    state: CheckState
    summary: str
    evidence: object


def outcome_of(result: CheckResult) -> Outcome:
    """Return the outcome of a job whose check returned this result."""
    state = CheckState.PASSED if result.passed else CheckState.FAILED
    return Outcome(state, result.summary, plain(result.evidence, shorten=False))


def close_job(
    actor: Actor,
    job: CheckRun,
    fence: int,
    outcome: Outcome,
    *,
    was: str = CheckState.RUNNING,
    stored: Sequence[Stored] = (),
    log: str = "",
    author: str = "",
) -> bool:
    """Store the outcome of a job, record the event and queue the evaluation of the request. Return True.

    Return False, and store nothing, if the state is no longer ``was`` or the fence has changed. Raises Unavailable.
    """
    content: dict[str, object] = {"summary": outcome.summary, **({"files": facts_of(stored)} if stored else {})}
    digest = digest_of(content | {"evidence": outcome.evidence})
    written = CheckRun.objects.filter(pk=job.pk, fence=fence, state=was).update(
        state=outcome.state,
        summary=outcome.summary[:1000],
        evidence=outcome.evidence,
        evidence_digest=digest,
        progress=100,
        lease_until=None,
        ends_by=None,
        finished_at=timezone.now(),
        author=author,
        **({"log": _end_of(log)} if log else {}),
    )
    if not written:
        return False
    record_files(job, fence, stored)
    after = content | {"state": outcome.state.value, "evidence_digest": digest, "attempt": job.attempts}
    record_about(actor, Action.APPROVALS_CHECK_FINISHED, job, after=after | ({"author": author} if author else {}))
    enqueue("approvals.tasks.settle_request", request_id=job.request_id)
    _measure(job, outcome.state)
    return True


def _measure(job: CheckRun, state: CheckState) -> None:
    """Add the seconds that a job ran to the metric, by check and state."""
    if job.started_at is not None:
        seconds = (timezone.now() - job.started_at).total_seconds()
        CHECK_SECONDS.labels(job.check_code, state.value).observe(max(0.0, seconds))


def queue_job(job: CheckRun) -> None:
    """Send a job to the queue of the workers when the caller's transaction commits."""
    check = known_checks().get(job.check_code)
    queue = getattr(check, "queue", "fast")
    enqueue("approvals.tasks.run_check", queue="slow" if queue == "slow" else "fast", check_run_id=job.pk)


def record_about(actor: Actor, action: Action, job: CheckRun, *, after: dict[str, object], reason: str = "") -> None:
    """Record an audit event about a job, on its request."""
    facts = {"check_run": job.pk, "rule": job.rule, "check": job.check_code}
    record(
        actor=actor,
        action=action,
        obj=job.request,
        after=facts | after,
        reason=reason,
    )


def jobs_with_model() -> QuerySet[CheckRun]:
    """Return a queryset of jobs that reads the request, version and model of each in the same query."""
    return CheckRun.objects.select_related("request__version__model")
