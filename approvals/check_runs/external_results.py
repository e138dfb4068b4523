"""Results of external checks, which CI posts as signed envelopes (approvals/check_runs/envelopes.py) for one job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from approvals.case.loading import load_case
from approvals.check_runs.control import lock_job
from approvals.check_runs.envelopes import PostedResult, read_envelope
from approvals.check_runs.evidence import Stored, store_files
from approvals.check_runs.jobs import Outcome, close_job, jobs_with_model, record_about
from approvals.check_runs.keys import is_signed
from approvals.models import CheckKey, CheckRun, CheckState, ExternalResult, RequestState, TransitionRequest
from audit.actions import Action
from core.actors import Actor
from core.canonical import plain
from core.errors import Conflict, Denied, InvalidInput, InvalidState
from validation.base import EvidenceFile, inputs_digest
from validation.catalogue import find_check
from validation.params import texts

MAX_AGE = timedelta(minutes=15)


def post_result(*, actor: Actor, check_run_id: int, envelope: Mapping[str, object]) -> CheckRun:
    """Store the result of an external check and return the finished job. The actor becomes the check's author.

    Raises InvalidInput: the envelope is unreadable, of another job, or its time is more than MAX_AGE from now.
    Raises Denied: no key that the policy names for the rule signed it. Raises Conflict: it was signed for other files
    or inputs, or posted before. Raises InvalidState: the job waits for no result, or the request is not open.
    Raises NotFound: there is no such job, or the actor may not see it.
    """
    posted = read_envelope(envelope)
    if posted.check_run != check_run_id:
        raise InvalidInput(f"The signed result is of check run {posted.check_run}, not of {check_run_id}.")
    if abs(timezone.now() - posted.at) > MAX_AGE:
        raise InvalidInput(f"The result was signed at {posted.at.isoformat()}, more than 15 minutes from now.")
    stored = store_files([EvidenceFile("result.json", posted.raw, "application/json")])
    try:
        with transaction.atomic():
            return _store_result(actor, posted, stored)
    except IntegrityError as error:
        raise Conflict(f"A result with the nonce {posted.nonce} was posted before.") from error


def _store_result(actor: Actor, posted: PostedResult, stored: Sequence[Stored]) -> CheckRun:
    job, request = lock_job(actor, posted.check_run)
    check = find_check(job.check_code)
    if not getattr(check, "posted", False):
        raise InvalidState(f"The check {job.check_code} runs on this server; no result of it can be posted.")
    key = _require_key(request, posted, texts(check.parse(job.params), "keys"))
    if ExternalResult.objects.filter(key=key, nonce=posted.nonce).exists():
        raise Conflict(f"A result with the nonce {posted.nonce} was posted before.")
    if job.state != CheckState.WAITING:
        raise InvalidState(f"The check run {job.pk} is {job.state}; it does not wait for a result.")
    _require_same_subject(job, request, posted)
    ExternalResult.objects.create(
        check_run=job,
        key=key,
        nonce=posted.nonce,
        payload=posted.raw.decode(),
        signature=posted.signature,
        posted_by=actor.name,
    )
    record_about(
        actor,
        Action.APPROVALS_CHECK_RESULT_POSTED,
        job,
        after={"key": key.name, "nonce": posted.nonce, "passed": posted.passed, "signature": posted.signature},
    )
    evidence = {"signed_by": key.name, "posted_by": actor.name, "said": plain(posted.evidence, shorten=False)}
    state = CheckState.PASSED if posted.passed else CheckState.FAILED
    outcome = Outcome(state, posted.summary, evidence)
    close_job(actor, job, job.fence, outcome, was=CheckState.WAITING, stored=stored, author=actor.name)
    return jobs_with_model().get(pk=job.pk)


def _require_key(request: TransitionRequest, posted: PostedResult, allowed: tuple[str, ...]) -> CheckKey:
    """Return the key that signed the result, locked so that it is not revoked before the result is stored.

    Raises Denied for a key that is revoked or that the rule does not name.
    """
    keys = CheckKey.objects.select_for_update(no_key=True).filter(name=posted.key_name)
    key = next((row for row in keys if row.revoked_at is None), None)
    if key is None or key.name not in allowed or not is_signed(key, posted.signed, posted.signature):
        raise Denied(
            f"The result is not signed with a key that may sign this check ({', '.join(allowed)}).",
            action=Action.APPROVALS_CHECK_RESULT_POSTED,
            obj=request,
        )
    return key


def _require_same_subject(job: CheckRun, request: TransitionRequest, posted: PostedResult) -> None:
    """Raise Conflict for a result on other files or inputs than those of now, InvalidState for a closed request."""
    if posted.inputs_digest != job.inputs_digest:
        raise Conflict("The result was signed for other inputs than those of this check run.")
    if posted.artifact_digest != request.version.artifact_digest:
        raise Conflict(f"The result is about the files {posted.artifact_digest[:100]}, which are not this version's.")
    if request.state != RequestState.OPEN:
        raise InvalidState(f"Request #{request.pk} is {request.state}.")
    subject = load_case(request).subject
    if inputs_digest(find_check(job.check_code), job.params, subject) != job.inputs_digest:
        raise Conflict("The inputs of the check have changed since; a newer check run waits for its result.")
