"""Actions of people on a check job: cancel it, or run it again.

Both lock the model and the request first, as every change of a request does. The worker of a cancelled job stops at its
next progress report, which raises LeaseLost.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from approvals.case.loading import load_case
from approvals.case.locks import lock_visible
from approvals.check_runs.jobs import BROKEN, jobs_with_model, record_about, restart
from approvals.models import UNFINISHED_CHECKS, CheckRun, CheckState, RequestState, TransitionRequest
from approvals.permissions.check_runs import refusal_to_control_check
from approvals.permissions.refusal import deny_if
from audit.actions import Action
from audit.services import enqueue
from core.actors import Actor
from core.errors import InvalidState, NotFound
from core.ids import row_id
from registry.names import check_text

MAX_REASON = 500
CANCELLABLE = (*UNFINISHED_CHECKS, CheckState.WAITING)
RERUNNABLE = (*BROKEN, CheckState.FAILED)


@transaction.atomic
def cancel_check(*, actor: Actor, check_run_id: int, reason: str = "") -> CheckRun:
    """Cancel a job that waits or runs, and return it. A cancelled check has not passed, and may be run again.

    Raises NotFound, Denied (the actor may not edit the model), InvalidState (the job has finished), InvalidInput and
    TooLarge (the reason).
    """
    check_text(reason, "reason", MAX_REASON)
    job, request = lock_job(actor, check_run_id)
    deny_if(refusal_to_control_check(actor, request, Action.APPROVALS_CHECK_CANCELLED))
    if job.state not in CANCELLABLE:
        raise InvalidState(f"The check {job.check_code} is {job.state}; only a check that waits or runs is cancelled.")
    summary = f"Cancelled by {actor.name}{f': {reason.strip()}' if reason.strip() else ''}."
    CheckRun.objects.filter(pk=job.pk).update(
        state=CheckState.CANCELLED,
        fence=F("fence") + 1,
        summary=summary[:1000],
        lease_until=None,
        ends_by=None,
        finished_at=timezone.now(),
    )
    record_about(
        actor,
        Action.APPROVALS_CHECK_CANCELLED,
        job,
        after={"state": CheckState.CANCELLED.value, "was": job.state, "attempt": job.attempts},
        reason=reason,
    )
    enqueue("approvals.tasks.settle_request", request_id=request.pk)
    return jobs_with_model().get(pk=job.pk)


@transaction.atomic
def rerun_check(*, actor: Actor, check_run_id: int) -> CheckRun:
    """Queue a job again that failed, ended in an error or was cancelled, and return it.

    Reviews that covered the earlier result no longer count. Raises NotFound, Denied (the actor may not edit the model),
    InvalidState (the job passed or is unfinished, its inputs have changed since, or its request is decided).
    """
    job, request = lock_job(actor, check_run_id)
    deny_if(refusal_to_control_check(actor, request, Action.APPROVALS_CHECK_QUEUED))
    if request.state != RequestState.OPEN:
        raise InvalidState(f"Request #{request.pk} is {request.state}; its checks are not run again.")
    if job.state not in RERUNNABLE:
        raise InvalidState(f"The check {job.check_code} is {job.state}; it cannot be run again.")
    if job.pk not in {current.pk for current in load_case(request).jobs.values()}:
        raise InvalidState(f"The inputs of the check {job.check_code} have changed since; a newer check run counts.")
    restart(actor, job)
    return jobs_with_model().get(pk=job.pk)


def lock_job(actor: Actor, check_run_id: int) -> tuple[CheckRun, TransitionRequest]:
    """Lock the model, the request and the job until commit. Return the job and the request.

    Raises NotFound, also where the actor may not see the model.
    """
    rows = CheckRun.objects.filter(pk=row_id(check_run_id))
    request_id = rows.values_list("request_id", flat=True).first()
    if request_id is None:
        raise no_check_run(check_run_id)
    try:
        request = lock_visible(actor, request_id)
    except NotFound as error:
        raise no_check_run(check_run_id) from error
    return jobs_with_model().select_for_update(no_key=True, of=("self",)).get(pk=check_run_id), request


def no_check_run(check_run_id: int) -> NotFound:
    """Return the error for a job that does not exist or that the actor may not see."""
    return NotFound(f"There is no check run {check_run_id}.")
