"""Celery tasks of the approval gate. A task may run twice or late, so the rows in the database decide what it does."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable

from celery import shared_task
from celery.signals import worker_ready
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from approvals.case.incumbents import Move
from approvals.case.subjects import load_subject
from approvals.check_runs import jobs as check_runs
from approvals.check_runs import sweep as check_sweep
from approvals.check_runs import watchdog
from approvals.check_runs.jobs import Lease, LeaseLost
from approvals.models import LIVE_STATES, TransitionRequest
from approvals.oversight import overdue, quarantine_findings
from approvals.packs import freeze as packs
from approvals.requests import lifecycle as requests
from approvals.requests import remind as reminders
from approvals.requests import settle as settling
from audit.broker import next_turn
from core.actors import Actor, system_actor
from core.backoff import Backoff
from core.errors import DomainError, NotFound, Unavailable
from core.outages import is_outage, outage_message
from core.sweeps import for_each
from registry.queries import due_for_archiving
from registry.services.stages import archive_superseded as archive_version
from validation.base import inputs_digest
from validation.catalogue import find_check

logger = logging.getLogger(__name__)

_SWEEP_QUARANTINES_EVERY = 30
# The shortest time between two writes of a check's progress to its row (seconds).
_REPORT_EVERY = 0.5
_LINES_KEPT, _LONGEST_LINE = 500, 500


backoff = Backoff(first=10, longest=300)


class TimeLimitExceeded(Exception):
    """The check has reached its time limit."""


class Reporter:
    """Receives the progress of a check (percent) and lines for its log, and writes them to the job's row at intervals.

    To stop a running check, a call raises LeaseLost if the job was cancelled or another worker has taken it, and
    TimeLimitExceeded after the time limit.
    """

    def __init__(self, lease: Lease) -> None:
        self._lease = lease
        self._written = time.monotonic()
        self._lines: list[str] = []
        self._percent = 0

    def __call__(self, percent: int) -> None:
        self._percent = percent
        watchdog.record_heartbeat(self._lease.job.pk)
        now = time.monotonic()
        if now - self._written < _REPORT_EVERY:
            return
        self._written = now
        ends_by = self._lease.job.ends_by
        if ends_by is not None and timezone.now() > ends_by:
            raise TimeLimitExceeded
        check_runs.report_progress(lease=self._lease, percent=percent, log=self.text)

    def log(self, line: str) -> None:
        """Add a line to the log. It is written with the next report."""
        self._lines.append(f"{timezone.now():%H:%M:%S} {line[:_LONGEST_LINE]}")
        del self._lines[:-_LINES_KEPT]
        self(self._percent)

    @property
    def text(self) -> str:
        """Return the log so far."""
        return "\n".join(self._lines)


def _worker_name() -> str:
    return f"{socket.gethostname()}/{os.getpid()}"


@worker_ready.connect
def watch_checks(**_worker: object) -> None:
    """Start the watchdog in a worker process. Other processes run no checks."""
    watchdog.start()


@shared_task(name="approvals.tasks.run_check")
def run_check(check_run_id: int) -> str:
    """Run one check job if no worker has it. Return its outcome as text for the log."""
    lease = check_runs.take_lease(check_run_id=check_run_id, worker=_worker_name())
    if lease is None:
        return "nothing to do"
    actor = system_actor("run_check", on_behalf_of=lease.job.request.requester.username)
    reporter = Reporter(lease)
    try:
        with watchdog.watched(check_run_id):
            return _run(actor, lease, reporter)
    except LeaseLost:
        return "lease lost"
    except TimeLimitExceeded:
        why, for_good = check_runs.overdue_reason(lease.job), True
    except Exception as error:  # the check itself failed: it does not pass, and is tried again a few times
        if is_outage(error):
            if connection.errors_occurred:
                connection.close_if_unusable_or_obsolete()
            why = f"The check could not be run and is tried again. {outage_message(error)}"
            check_runs.postpone_attempt(lease=lease, why=why, log=reporter.text)
            return "cannot tell"
        logger.exception("the check %s of job %s did not complete", lease.job.check_code, check_run_id)
        for_good = isinstance(error, DomainError)
        why = error.message if isinstance(error, DomainError) else f"{type(error).__name__}: {error}"
    summary = why if why.startswith("The check") else f"The check did not complete. {why}"
    check_runs.fail_attempt(actor=actor, lease=lease, why=summary[:1000], for_good=for_good, log=reporter.text)
    return "did not complete"


def _run(actor: Actor, lease: Lease, reporter: Reporter) -> str:
    """Run the check of a leased job and store its result. Return the outcome as text."""
    job = lease.job
    request = job.request
    check = find_check(job.check_code)
    subject = load_subject(Move(request.version, request.target, request.archive_existing))
    if inputs_digest(check, job.params, subject) != job.inputs_digest:
        # The next evaluation of the request (settle_request, at once) queues a job for the current inputs.
        why = "Superseded: the inputs of the check changed before it ran."
        check_runs.fail_attempt(actor=actor, lease=lease, why=why, for_good=True)
        return "superseded"
    reporter.log(f"attempt {job.attempts} on {job.worker}")
    result = check.run(subject, check.parse(job.params), reporter)
    reporter.log(result.summary)
    written = check_runs.finish_check(actor=actor, lease=lease, result=result, log=reporter.text)
    return f"{'passed' if result.passed else 'failed'}" if written else "lease lost"


@shared_task(name="approvals.tasks.settle_request")
def settle_request(request_id: int) -> str:
    """Evaluate a request again after a change. Return its state."""
    try:
        case = settling.settle_request(actor=system_actor("settle_request"), request_id=request_id)
    except NotFound:
        return "gone"
    return str(case.request.state)


@shared_task(name="approvals.tasks.apply_request")
def apply_request(request_id: int) -> str:
    """Apply an approved request. Return its state; a refusal is not a failure of the task."""
    try:
        state = str(settling.apply_request(request_id=request_id).state)
    except (Unavailable, OperationalError, InterfaceError) as error:
        seconds = backoff.failed(request_id)
        logger.warning("request %s stays approved and is tried again in %d s: %s", request_id, seconds, error)
        return "cannot tell"
    except DomainError as error:
        logger.info("request %s was not applied: %s", request_id, error.message)
        return "not applied"
    backoff.forget(request_id)
    return state


@shared_task(name="approvals.tasks.requeue_expired_checks")
def requeue_expired_checks() -> int:
    """Requeue check jobs whose worker reports nothing or whose message was lost, and end jobs over their time."""
    return check_sweep.requeue_expired(actor=system_actor("requeue_expired_checks"), now=timezone.now())


@shared_task(name="approvals.tasks.apply_approved_requests")
def apply_approved_requests() -> int:
    """Settle open requests and apply approved ones, in case messages were lost. Return how many were applied.

    Only this sweep settles an open request after a change of a tag, a metric or a card, for which no message is sent.
    """
    turn = next_turn("settle", settling.SWEEP_SECONDS)
    for request_id in settling.requests_to_settle(turn=turn):
        _try(settle_request, request_id)
    due = [request_id for request_id in settling.requests_to_apply() if backoff.is_due(request_id)]
    return sum(_try(apply_request, request_id) == "applied" for request_id in due)


def _try(task: Callable[[int], str], request_id: int) -> str:
    """Run a task for one request and return its outcome; log an exception and return `failed`.

    So a failure does not delay the other requests, and the next sweep tries again.
    """
    try:
        return task(request_id)
    except Exception:
        logger.exception("request %s was neither settled nor applied; the next sweep tries again", request_id)
        return "failed"


@shared_task(name="approvals.tasks.expire_requests")
def expire_requests() -> int:
    """Close live requests that have expired, at most 500. Return how many were closed."""
    now = timezone.now()
    due = TransitionRequest.objects.filter(state__in=LIVE_STATES, expires_at__lte=now).values_list("pk", flat=True)
    actor = system_actor("expire_requests")

    def expire(request_id: int) -> int:
        return requests.expire_request(actor=actor, request_id=request_id, at=now)

    return for_each(list(due[:500]), expire, failure="a request was not expired")


@shared_task(name="approvals.tasks.remind_reviewers")
def remind_reviewers() -> int:
    """Remind the reviewers of open requests after the interval that the policy sets. Return how many requests."""
    now, actor = timezone.now(), system_actor("remind_reviewers")

    def remind(request_id: int) -> int:
        return reminders.remind_reviewers(actor=actor, request_id=request_id, at=now)

    return for_each(reminders.requests_to_remind(now), remind, failure="the reviewers of a request were not reminded")


@shared_task(name="approvals.tasks.archive_superseded")
def archive_superseded() -> int:
    """Archive superseded Production versions whose rollback window has ended. Return how many."""
    actor = system_actor("archive_superseded")

    def archive(version_id: int) -> int:
        return archive_version(actor=actor, version_id=version_id)

    return for_each(due_for_archiving(timezone.now()), archive, failure="a superseded version was not archived")


@shared_task(name="approvals.tasks.flag_overdue")
def flag_overdue() -> int:
    """Record once what is overdue: findings, post-reviews, re-reviews and attestations. Remind and end conditions."""
    return overdue.flag_overdue(timezone.now())


@shared_task(name="approvals.tasks.schedule_re_reviews")
def schedule_re_reviews() -> int:
    """Set the due dates of re-reviews under the policies of today. Return how many versions got a new date."""
    return overdue.schedule_re_reviews()


@shared_task(name="approvals.tasks.open_quarantine_findings")
def open_quarantine_findings(quarantine_id: int) -> int:
    """Open findings on versions in use that descend from quarantined data. Return how many."""
    actor = system_actor("open_quarantine_findings")
    return quarantine_findings.open_quarantine_findings(actor=actor, quarantine_id=quarantine_id)


@shared_task(name="approvals.tasks.close_quarantine_findings")
def close_quarantine_findings(quarantine_id: int) -> int:
    """Resolve the findings of a released quarantine. Return how many."""
    actor = system_actor("close_quarantine_findings")
    return quarantine_findings.close_quarantine_findings(actor=actor, quarantine_id=quarantine_id)


@shared_task(name="approvals.tasks.sweep_quarantines")
def sweep_quarantines() -> int:
    """Open and close the findings of quarantines, in case messages were lost. Return how many changed."""
    turn = next_turn("quarantines", _SWEEP_QUARANTINES_EVERY)

    def write_findings(quarantine_id: int) -> int:
        return open_quarantine_findings(quarantine_id) + close_quarantine_findings(quarantine_id)

    due = quarantine_findings.quarantines_to_sweep(turn=turn)
    return for_each(due, write_findings, failure="the findings of a quarantine were not written")


@shared_task(name="approvals.tasks.freeze_pack")
def freeze_pack(order_id: int) -> str:
    """Make the conformity pack of a promotion. Return its SHA-256 (hex), or `gone` without the order."""
    try:
        return packs.freeze_pack(actor=system_actor("freeze_pack"), order_id=order_id).digest
    except NotFound:
        return "gone"


@shared_task(name="approvals.tasks.freeze_packs")
def freeze_packs() -> int:
    """Make the packs whose message was lost or whose worker was killed. Return how many were made."""
    return for_each(
        packs.waiting_packs(), lambda order_id: bool(freeze_pack(order_id)), failure="a conformity pack was not made"
    )
