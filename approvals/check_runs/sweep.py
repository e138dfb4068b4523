"""Recovery of check jobs: jobs whose message was lost or whose worker stopped, and jobs that run past their limit."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q

from approvals.check_runs.jobs import (
    FIRST_REMINDER,
    MAX_ATTEMPTS,
    Outcome,
    close_job,
    jobs_with_model,
    overdue_reason,
    queue_job,
    record_about,
)
from approvals.models import UNFINISHED_CHECKS, CheckRun, CheckState
from audit.actions import Action
from core.actors import Actor

_LAST_REMINDER = timedelta(hours=1)


def requeue_expired(*, actor: Actor, now: datetime) -> int:
    """Queue jobs again that waited too long or whose worker stopped reporting, and end jobs that run past their limit.

    Return how many jobs were changed, at most 500.
    """
    expired = Q(state__in=UNFINISHED_CHECKS, lease_until__lt=now)
    due = CheckRun.objects.filter(expired | Q(state=CheckState.RUNNING, ends_by__lt=now)).order_by("lease_until")
    return sum(_requeue_one(actor, job_id, now) for job_id in due.values_list("pk", flat=True)[:500])


@transaction.atomic
def _requeue_one(actor: Actor, job_id: int, now: datetime) -> bool:
    job = jobs_with_model().select_for_update(of=("self",)).get(pk=job_id)
    if job.state not in UNFINISHED_CHECKS or job.lease_until is None:
        return False
    was_running = job.state == CheckState.RUNNING
    if reason := _end_reason(job, now):
        return close_job(
            actor, job, job.fence, Outcome(CheckState.ERROR, reason, {"attempts": job.attempts}), was=job.state
        )
    if job.lease_until >= now:
        return False
    wait = min(max(now - job.queued_at, FIRST_REMINDER), _LAST_REMINDER)
    CheckRun.objects.filter(pk=job.pk, fence=job.fence, state=job.state).update(
        state=CheckState.QUEUED, lease_until=now + wait, fence=F("fence") + 1
    )
    if was_running:
        reason = f"Its worker {job.worker} stopped reporting."
        record_about(actor, Action.APPROVALS_CHECK_REQUEUED, job, after={"attempts": job.attempts}, reason=reason)
    queue_job(job)
    return True


def _end_reason(job: CheckRun, now: datetime) -> str:
    """Return the reason why a job ends without a result, "" if it may go on."""
    if job.state == CheckState.RUNNING and job.ends_by is not None and job.ends_by < now:
        return overdue_reason(job)
    is_expired = job.lease_until is not None and job.lease_until < now
    if is_expired and job.attempts >= MAX_ATTEMPTS:
        return f"The check was started {job.attempts} times and did not complete."
    return ""
