"""Celery's side of governance. Every task may run twice, or late: the rows decide what there is to do."""

from __future__ import annotations

import logging
import os
import socket
import time

from celery import shared_task
from django.utils import timezone

from approvals.checks.base import Progress, inputs_digest
from approvals.checks.registry import find_check
from approvals.models import LIVE_STATES, TransitionRequest
from approvals.services import check_runs, reminders, requests, settling
from approvals.services.check_runs import Lease, LeaseLost
from approvals.subjects import Move, load_subject
from audit.actors import Actor, system_actor
from audit.errors import DomainError, NotFound
from registry.queries import due_for_archiving
from registry.services.stages import archive_superseded as archive_version

logger = logging.getLogger(__name__)

# A busy check reports often; the row is written at most this often (seconds).
_REPORT_EVERY = 0.5


def _worker_name() -> str:
    return f"{socket.gethostname()}/{os.getpid()}"


@shared_task(name="approvals.tasks.run_check")
def run_check(check_run_id: int) -> str:
    """Run one validation job if it is free; return what came of it (for the log)."""
    lease = check_runs.take_lease(check_run_id=check_run_id, worker=_worker_name())
    if lease is None:
        return "nothing to do"
    actor = system_actor("run_check", on_behalf_of=lease.job.request.requester.username)
    try:
        return _look(actor, lease)
    except LeaseLost:
        return "lease lost"
    except DomainError as error:
        why, for_good = error.message, True
    except Exception as error:  # the check's own failure: never a pass, and tried again a few times
        logger.exception("the check %s of job %s broke off", lease.job.check_code, check_run_id)
        why, for_good = f"{type(error).__name__}: {error}", False
    check_runs.break_off(actor=actor, lease=lease, why=f"The check broke off. {why}"[:1000], for_good=for_good)
    return "broke off"


def _look(actor: Actor, lease: Lease) -> str:
    job = lease.job
    request = job.request
    check = find_check(job.check_code)
    subject = load_subject(Move(request.version, request.target, request.archive_existing))
    if inputs_digest(check, job.params, subject) != job.inputs_digest:
        # Whoever looks at the request next queues a job for what is true now (settle_request, at once).
        why = "Superseded: what the check reads changed before it could look."
        check_runs.break_off(actor=actor, lease=lease, why=why, for_good=True)
        return "superseded"
    result = check.run(subject, check.parse(job.params), _reporter(lease))
    written = check_runs.finish_check(actor=actor, lease=lease, result=result)
    return f"{'passed' if result.passed else 'failed'}" if written else "lease lost"


def _reporter(lease: Lease) -> Progress:
    """Return the progress callback of a job: writes now and then, and raises LeaseLost when the job is somebody else's."""
    last = time.monotonic()

    def report(percent: int) -> None:
        nonlocal last
        if time.monotonic() - last >= _REPORT_EVERY:
            check_runs.report_progress(lease=lease, percent=percent)
            last = time.monotonic()

    return report


@shared_task(name="approvals.tasks.settle_request")
def settle_request(request_id: int) -> str:
    """Look at a request again after something happened to it."""
    try:
        case = settling.settle_request(actor=system_actor("settle_request"), request_id=request_id)
    except NotFound:
        return "gone"
    return str(case.request.state)


@shared_task(name="approvals.tasks.apply_request")
def apply_request(request_id: int) -> str:
    """Carry out an approved request; a refusal has closed it as stale, and is no failure of the task."""
    try:
        return str(settling.apply_request(request_id=request_id).state)
    except DomainError as error:
        logger.info("request %s was not applied: %s", request_id, error.message)
        return "not applied"


@shared_task(name="approvals.tasks.requeue_expired_checks")
def requeue_expired_checks() -> int:
    """Take back what silent workers left, and announce again what waits too long."""
    return check_runs.requeue_expired(actor=system_actor("requeue_expired_checks"), now=timezone.now())


@shared_task(name="approvals.tasks.apply_approved_requests")
def apply_approved_requests() -> int:
    """Settle what a message should have settled and apply what is approved: the safety net under lost messages.

    It also notices what no message tells of: that a tag, a metric or a card changed under an open request.
    """
    for request_id in settling.requests_to_settle():
        settle_request(request_id)
    return sum(apply_request(request_id) == "applied" for request_id in settling.requests_to_apply())


@shared_task(name="approvals.tasks.expire_requests")
def expire_requests() -> int:
    """Close live requests whose time is over."""
    now = timezone.now()
    due = TransitionRequest.objects.filter(state__in=LIVE_STATES, expires_at__lte=now).values_list("pk", flat=True)
    actor = system_actor("expire_requests")
    return sum(requests.expire_request(actor=actor, request_id=pk, at=now) for pk in list(due[:500]))


@shared_task(name="approvals.tasks.remind_reviewers")
def remind_reviewers() -> int:
    """Remind the reviewers of requests that have waited for as long as their policy says; return of how many."""
    now, actor = timezone.now(), system_actor("remind_reviewers")
    due = reminders.requests_to_remind(now)
    return sum(reminders.remind_reviewers(actor=actor, request_id=pk, at=now) for pk in due)


@shared_task(name="approvals.tasks.archive_superseded")
def archive_superseded() -> int:
    """Archive superseded Production versions whose rollback window has closed."""
    actor = system_actor("archive_superseded")
    return sum(archive_version(actor=actor, version_id=pk) for pk in due_for_archiving(timezone.now()))
