"""Validation jobs as rows: queued, leased to one worker at a time, finished exactly once.

The row is the truth and the queue only says "look". A worker takes a lease and with it the next fence number; it may write
only while its fence is the row's, so a worker that was given up, or a job that was delivered twice, changes nothing.
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
from approvals.check_runs.evidence import Stored, facts_of, name_files, store_files
from approvals.models import CheckRun, CheckState
from audit.actions import Action
from audit.services import enqueue, record
from core.actors import Actor
from core.canonical import digest_of, plain
from validation.base import CheckResult, seconds_for
from validation.catalogue import known_checks

MAX_ATTEMPTS = 4
# What asking again sets going once more.
BROKEN = (CheckState.ERROR, CheckState.CANCELLED)
MAX_LOG = 16_000
# A job whose message was lost is announced again after this long, then ever less often (check_sweep).
FIRST_REMINDER = timedelta(seconds=10)
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
    """Queue each check without a result for the present state; return how many. With ``retry_broken`` also those that
    did not complete, or were cancelled. Runs in the caller's transaction, with the request locked.
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
                **_fresh(rule.check),
            )
            job.save(force_insert=True)
            _tell(actor, job)
        elif retry_broken and job.state in BROKEN:
            restart(actor, job)
        else:
            continue
        queued += 1
    return queued


def restart(actor: Actor, job: CheckRun) -> None:
    """Queue a finished job once more, in the caller's transaction with the request locked; its events keep what it found."""
    again = {
        "attempts": 0,
        "progress": 0,
        "summary": "",
        "evidence": {},
        "evidence_digest": "",
        "log": "",
        "author": "",
    }
    blank = {"started_at": None, "finished_at": None, "ends_by": None, "worker": ""}
    CheckRun.objects.filter(pk=job.pk).update(fence=F("fence") + 1, **again, **blank, **_fresh(job.check_code))
    _tell(actor, job)


def _fresh(code: str) -> dict[str, Any]:
    """Return the state of a new job. One whose result is posted from outside waits for that, and no worker is told."""
    now = timezone.now()
    if _is_posted(code):
        return {"state": CheckState.WAITING, "queued_at": now, "lease_until": None}
    return {"state": CheckState.QUEUED, "queued_at": now, "lease_until": now + FIRST_REMINDER}


def _is_posted(code: str) -> bool:
    return bool(getattr(known_checks().get(code), "posted", False))


def _tell(actor: Actor, job: CheckRun) -> None:
    record_about(actor, Action.APPROVALS_CHECK_QUEUED, job, after={"inputs_digest": job.inputs_digest})
    if not _is_posted(job.check_code):
        announce(job)


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
        log="",
    )
    if not taken:
        return None
    job = jobs_with_model().get(pk=check_run_id)
    job.ends_by = now + timedelta(seconds=seconds_for(known_checks().get(job.check_code)))
    job.save(update_fields=["ends_by"])
    return Lease(job=job, fence=job.fence)


def report_progress(*, lease: Lease, percent: int, log: str = "") -> None:
    """Write how far a job is and what it says, and prolong its lease; LeaseLost when it is cancelled or somebody else's by now."""
    kept = CheckRun.objects.filter(pk=lease.job.pk, fence=lease.fence, state=CheckState.RUNNING).update(
        progress=max(0, min(99, percent)), lease_until=timezone.now() + lease_time(), log=_end_of(log)
    )
    if not kept:
        raise LeaseLost


def _end_of(log: str) -> str:
    return log.replace("\x00", "")[-MAX_LOG:]


def finish_check(*, actor: Actor, lease: Lease, result: CheckResult, log: str = "") -> bool:
    """Write a job's result and record it; False (and nothing written) where the lease is no longer this worker's."""
    stored = store_files(result.files)  # before the transaction: writing bytes holds no lock
    with transaction.atomic():
        return close_job(actor, lease.job, lease.fence, outcome_of(result), stored=stored, log=log)


@transaction.atomic
def break_off(*, actor: Actor, lease: Lease, why: str, for_good: bool = False, log: str = "") -> bool:
    """Give a job back after it failed by itself: to be tried again a little later, or for good after MAX_ATTEMPTS."""
    if for_good or lease.job.attempts >= MAX_ATTEMPTS:
        outcome = Outcome(CheckState.ERROR, why, {"attempts": lease.job.attempts})
        return close_job(actor, lease.job, lease.fence, outcome, log=log)
    back = CheckRun.objects.filter(pk=lease.job.pk, fence=lease.fence, state=CheckState.RUNNING).update(
        state=CheckState.QUEUED,
        lease_until=timezone.now() + _BACK_OFF * 2**lease.job.attempts,
        summary=why[:1000],
        log=_end_of(log),
    )
    return bool(back)


def time_is_over(job: CheckRun) -> str:
    """Return the words for a job that took longer than its check may."""
    seconds = seconds_for(known_checks().get(job.check_code))
    return f"The check was stopped: it took longer than its limit of {seconds} seconds."


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a job came to: its state, a sentence, and the evidence."""

    state: CheckState
    summary: str
    evidence: object


def outcome_of(result: CheckResult) -> Outcome:
    """Return the outcome of a check that came to a result."""
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
    """Write an outcome in the caller's transaction, record it and have the request looked at; False where it is not ours to."""
    said: dict[str, object] = {"summary": outcome.summary, "evidence": outcome.evidence}
    digest = digest_of(said | ({"files": facts_of(stored)} if stored else {}))
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
    name_files(job, fence, stored)
    after = {
        "state": outcome.state.value,
        "summary": outcome.summary,
        "evidence_digest": digest,
        "attempt": job.attempts,
        **({"files": facts_of(stored)} if stored else {}),
        **({"author": author} if author else {}),
    }
    record_about(actor, Action.APPROVALS_CHECK_FINISHED, job, after=after)
    enqueue("approvals.tasks.settle_request", request_id=job.request_id)
    return True


def announce(job: CheckRun) -> None:
    """Tell the workers of a job, after the caller's transaction."""
    check = known_checks().get(job.check_code)
    queue = getattr(check, "queue", "fast")
    enqueue("approvals.tasks.run_check", queue="slow" if queue == "slow" else "fast", check_run_id=job.pk)


def record_about(actor: Actor, action: Action, job: CheckRun, *, after: dict[str, object], reason: str = "") -> None:
    """Record an event about a job of a request."""
    facts = {"check_run": job.pk, "rule": job.rule, "check": job.check_code}
    record(
        actor=actor,
        action=action,
        obj=job.request,
        after=facts | after,
        reason=reason,
    )


def jobs_with_model() -> QuerySet[CheckRun]:
    """Return jobs with the request, version and model of each."""
    return CheckRun.objects.select_related("request__version__model")
