"""Cancelling a job and having it run again; time limits; the log of a job; the files it leaves."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from approvals import tasks
from approvals.check_runs.control import cancel_check, rerun_check
from approvals.check_runs.evidence import files_of_jobs, held_digests, open_file
from approvals.check_runs.jobs import LeaseLost, finish_check, report_progress, take_lease
from approvals.models import CheckEvidence, CheckRun, CheckState
from audit.actions import Action
from audit.models import Event
from core.actors import Actor, system_actor
from core.canonical import digest_of
from core.errors import Denied, InvalidState, NotFound
from tests.approvals.conftest import Ask, NewVersion, RunChecks, fill_card
from tests.conftest import Acting
from tests.recorded_fixtures import recorded_fixture
from tracking.store import current_store
from validation.base import CheckResult, EvidenceFile, Progress, Subject, log_line

WORKER = system_actor("run_check")
REPORT = EvidenceFile("report.json", b'{"a": 1}', "application/json")


@pytest.fixture
@recorded_fixture
def job(policies: object, new_version: NewVersion, ask: Ask) -> CheckRun:
    return CheckRun.objects.get(request=ask(new_version()), rule="card")


def state(job: CheckRun) -> str:
    job.refresh_from_db()
    return job.state


def events(action: Action) -> int:
    return Event.objects.filter(action=action, outcome="ok").count()


def test_a_waiting_job_is_cancelled(job: CheckRun, by_ada: Actor) -> None:
    cancel_check(actor=by_ada, check_run_id=job.pk, reason="wrong model")
    assert state(job) == CheckState.CANCELLED
    assert job.summary == "Cancelled by ada: wrong model."
    assert events(Action.APPROVALS_CHECK_CANCELLED) == 1
    assert tasks.run_check(job.pk) == "nothing to do"


def test_a_running_job_is_cancelled_and_its_worker_writes_nothing(job: CheckRun, by_ada: Actor) -> None:
    lease = take_lease(check_run_id=job.pk, worker="one")
    assert lease is not None
    cancel_check(actor=by_ada, check_run_id=job.pk)
    with pytest.raises(LeaseLost):
        report_progress(lease=lease, percent=5)
    assert not finish_check(
        actor=WORKER, lease=lease, result=CheckResult(passed=True, summary="Fine.", files=(REPORT,))
    )
    assert state(job) == CheckState.CANCELLED
    assert not CheckEvidence.objects.exists()


def test_cancelled_never_counts_as_passed(job: CheckRun, by_ada: Actor, run_checks: RunChecks) -> None:
    cancel_check(actor=by_ada, check_run_id=job.pk)
    verdict = run_checks(job.request).verdict
    row = next(row for row in verdict.rules if row.rule == "card")
    assert (row.status.value, row.why) == ("failed", "Cancelled by ada.")
    assert not verdict.is_approved


def test_a_finished_job_is_not_cancelled(job: CheckRun, by_ada: Actor) -> None:
    tasks.run_check(job.pk)
    with pytest.raises(InvalidState, match="is passed"):
        cancel_check(actor=by_ada, check_run_id=job.pk)
    assert state(job) == CheckState.PASSED


def test_who_may_not_edit_the_model_cancels_nothing(
    job: CheckRun, cy: User, acting: Acting, settings: Settings
) -> None:
    settings.DEFAULT_MODEL_LEVEL = "read"
    with pytest.raises(Denied):
        cancel_check(actor=acting(cy), check_run_id=job.pk)
    settings.DEFAULT_MODEL_LEVEL = "none"
    for act in (cancel_check, rerun_check):
        with pytest.raises(NotFound):
            act(actor=acting(cy), check_run_id=job.pk)
    assert state(job) == CheckState.QUEUED


def test_a_cancelled_job_runs_again(job: CheckRun, by_ada: Actor) -> None:
    cancel_check(actor=by_ada, check_run_id=job.pk)
    rerun_check(actor=by_ada, check_run_id=job.pk)
    assert tasks.run_check(job.pk) == "passed"


def test_asking_again_runs_a_cancelled_job_again(job: CheckRun, by_ada: Actor, ask: Ask) -> None:
    cancel_check(actor=by_ada, check_run_id=job.pk)
    ask(job.request.version)
    assert state(job) == CheckState.QUEUED


@pytest.mark.parametrize("found", [CheckState.PASSED, CheckState.QUEUED])
def test_what_passed_or_goes_on_is_not_run_again(job: CheckRun, by_ada: Actor, found: CheckState) -> None:
    CheckRun.objects.filter(pk=job.pk).update(state=found)
    with pytest.raises(InvalidState):
        rerun_check(actor=by_ada, check_run_id=job.pk)


def test_what_no_longer_counts_is_not_run_again(job: CheckRun, by_ada: Actor) -> None:
    cancel_check(actor=by_ada, check_run_id=job.pk)
    fill_card(by_ada, job.request.version, "Other words.")
    with pytest.raises(InvalidState, match="have changed since"):
        rerun_check(actor=by_ada, check_run_id=job.pk)


def test_a_job_over_its_time_is_ended_however_lively(job: CheckRun) -> None:
    lease = take_lease(check_run_id=job.pk, worker="one")
    assert lease is not None
    CheckRun.objects.filter(pk=job.pk).update(ends_by=timezone.now() - timedelta(seconds=1))
    assert tasks.requeue_expired_checks() >= 1  # on a slow machine also checks that wait for long
    assert state(job) == CheckState.ERROR
    assert "longer than its limit of 60 seconds" in job.summary
    with pytest.raises(LeaseLost):
        report_progress(lease=lease, percent=5)


def test_a_check_that_reports_learns_that_its_time_is_over(job: CheckRun, monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(_: object, subject: Subject, params: object, progress: Progress) -> CheckResult:
        while True:
            progress(1)

    monkeypatch.setattr("validation.checks.card.Complete.seconds", 0, raising=False)
    monkeypatch.setattr("approvals.tasks._REPORT_EVERY", 0)
    monkeypatch.setattr("validation.checks.card.Complete.run", endless)
    assert tasks.run_check(job.pk) == "did not complete"
    assert state(job) == CheckState.ERROR
    assert job.summary.startswith("The check was stopped")


def test_what_a_check_says_is_there_while_it_runs(job: CheckRun, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def talkative(_: object, subject: Subject, params: object, progress: Progress) -> CheckResult:
        log_line(progress, "half way")
        seen.append(CheckRun.objects.get(pk=job.pk).log)
        return CheckResult(passed=True, summary="Fine.")

    monkeypatch.setattr("approvals.tasks._REPORT_EVERY", 0)
    monkeypatch.setattr("validation.checks.card.Complete.run", talkative)
    assert tasks.run_check(job.pk) == "passed"
    assert seen[0].endswith("half way")
    assert state(job) == CheckState.PASSED
    assert job.log.endswith("Fine.")


def finished_with(job: CheckRun, *files: EvidenceFile, passed: bool = True) -> CheckRun:
    lease = take_lease(check_run_id=job.pk, worker="one")
    assert lease is not None
    assert finish_check(actor=WORKER, lease=lease, result=CheckResult(passed=passed, summary="Fine.", files=files))
    job.refresh_from_db()
    return job


def test_a_file_is_kept_hashed_and_part_of_the_evidence(job: CheckRun, by_ada: Actor) -> None:
    finished_with(job, REPORT)
    (row,) = files_of_jobs([job])
    listed = [{"name": "report.json", "sha256": row.sha256, "size": 8}]
    assert job.evidence_digest == digest_of({"summary": "Fine.", "evidence": {}, "files": listed})
    _, stream = open_file(by_ada, job.pk, "report.json")
    with stream:
        assert stream.read() == REPORT.content
    event = Event.objects.filter(action=Action.APPROVALS_CHECK_FINISHED).latest("pk")
    assert row.sha256.encode() in bytes(event.body)
    assert held_digests([row.sha256, "0" * 64]) == {row.sha256}


def test_a_file_of_an_earlier_attempt_is_not_served(job: CheckRun, by_ada: Actor) -> None:
    finished_with(job, REPORT, passed=False)
    again = rerun_check(actor=by_ada, check_run_id=job.pk)
    finished_with(again)
    assert again.pk == job.pk
    with pytest.raises(NotFound):
        open_file(by_ada, job.pk, "report.json")


def test_a_file_of_a_hidden_model_does_not_exist(job: CheckRun, cy: User, acting: Acting, settings: Settings) -> None:
    finished_with(job, REPORT)
    settings.DEFAULT_MODEL_LEVEL = "none"
    with pytest.raises(NotFound):
        open_file(acting(cy), job.pk, "report.json")


@pytest.mark.parametrize("name", ["../x", "", "a/b", "a\x00", "x" * 201])
def test_a_file_needs_a_plain_name(job: CheckRun, name: str) -> None:
    with pytest.raises(InvalidState):
        finished_with(job, EvidenceFile(name, b"x"))
    assert state(job) == CheckState.RUNNING
    assert not CheckEvidence.objects.exists()


def test_the_scan_leaves_its_whole_report(job: CheckRun, run_checks: RunChecks) -> None:
    run_checks(job.request)
    scan = CheckRun.objects.get(request=job.request, rule="safe-artifact")
    (row,) = files_of_jobs([scan])
    with current_store().open(row.sha256) as stream:
        assert b'"verdict": "clean"' in stream.read()
