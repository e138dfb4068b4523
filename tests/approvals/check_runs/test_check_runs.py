"""Validation jobs: leased to one worker, written once, given to another when a worker falls silent."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from approvals import tasks
from approvals.check_runs import sweep as check_sweep
from approvals.check_runs.jobs import MAX_ATTEMPTS, LeaseLost, finish_check, report_progress, take_lease
from approvals.models import CheckRun, CheckState, TransitionRequest
from audit.actions import Action
from audit.models import Event, OutboxMessage
from core.actors import Actor, system_actor
from tests.approvals.conftest import Ask, NewVersion, RunChecks, fill_card
from tests.recorded_fixtures import recorded_fixture
from tracking.services.logging import set_tag
from validation.base import CheckResult

WORKER = system_actor("run_check")
YES = CheckResult(passed=True, summary="Fine.", evidence={"a": 1})
NO = CheckResult(passed=False, summary="Bad.", evidence={})


@pytest.fixture
@recorded_fixture
def job(policies: object, new_version: NewVersion, ask: Ask) -> CheckRun:
    request: TransitionRequest = ask(new_version())
    return CheckRun.objects.get(request=request, rule="card")


def results() -> int:
    return Event.objects.filter(action=Action.APPROVALS_CHECK_FINISHED).count()


def silence(job: CheckRun) -> None:
    CheckRun.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def requeue() -> int:
    return check_sweep.requeue_expired(actor=WORKER, now=timezone.now())


def test_opening_queues_each_check_once(job: CheckRun, ask: Ask) -> None:
    ask(job.request.version)
    assert CheckRun.objects.count() == 6
    sent = OutboxMessage.objects.filter(task="approvals.tasks.run_check")
    assert sorted(sent.values_list("queue", flat=True)) == ["fast", "fast", "fast", "fast", "slow", "slow"]


def test_a_check_runs_and_leaves_evidence(job: CheckRun) -> None:
    assert tasks.run_check(job.pk) == "passed"
    job.refresh_from_db()
    assert (job.state, job.progress, job.attempts) == (CheckState.PASSED, 100, 1)
    assert job.evidence["card"]
    assert len(job.evidence_digest) == 64
    assert OutboxMessage.objects.filter(task="approvals.tasks.settle_request").exists()


def test_delivered_twice_writes_one_result(job: CheckRun) -> None:
    assert tasks.run_check(job.pk) == "passed"
    assert tasks.run_check(job.pk) == "nothing to do"
    assert results() == 1


def test_only_one_worker_gets_the_lease(job: CheckRun) -> None:
    assert take_lease(check_run_id=job.pk, worker="one") is not None
    assert take_lease(check_run_id=job.pk, worker="two") is None


def test_a_silent_worker_loses_its_job(job: CheckRun) -> None:
    first = take_lease(check_run_id=job.pk, worker="one")
    silence(job)
    assert requeue() == 1
    second = take_lease(check_run_id=job.pk, worker="two")
    assert first is not None
    assert second is not None
    assert second.fence > first.fence
    with pytest.raises(LeaseLost):
        report_progress(lease=first, percent=50)
    assert not finish_check(actor=WORKER, lease=first, result=NO)
    assert finish_check(actor=WORKER, lease=second, result=YES)
    assert not finish_check(actor=WORKER, lease=first, result=NO)
    job.refresh_from_db()
    assert (job.state, results()) == (CheckState.PASSED, 1)
    assert Event.objects.filter(action=Action.APPROVALS_CHECK_REQUEUED).count() == 1


def test_progress_keeps_the_lease(job: CheckRun) -> None:
    lease = take_lease(check_run_id=job.pk, worker="one")
    assert lease is not None
    silence(job)
    report_progress(lease=lease, percent=40)
    job.refresh_from_db()
    assert job.progress == 40
    assert requeue() == 0


def test_a_job_that_never_ends_is_given_up(job: CheckRun) -> None:
    for _ in range(MAX_ATTEMPTS):
        assert take_lease(check_run_id=job.pk, worker="one") is not None
        silence(job)
        requeue()
    job.refresh_from_db()
    assert job.state == CheckState.ERROR
    assert take_lease(check_run_id=job.pk, worker="one") is None


def test_a_check_that_breaks_is_tried_again_then_an_error(job: CheckRun, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> CheckResult:
        raise ValueError("no such thing")

    monkeypatch.setattr("validation.checks.card.Complete.run", broken)
    for _ in range(MAX_ATTEMPTS):
        assert tasks.run_check(job.pk) == "did not complete"
    job.refresh_from_db()
    assert job.state == CheckState.ERROR
    assert "no such thing" in job.summary
    assert tasks.run_check(job.pk) == "nothing to do"


def test_asking_again_runs_a_broken_check_again(job: CheckRun, ask: Ask) -> None:
    CheckRun.objects.filter(pk=job.pk).update(state=CheckState.ERROR, attempts=MAX_ATTEMPTS)
    tasks.settle_request(job.request_id)
    job.refresh_from_db()
    assert job.state == CheckState.ERROR
    ask(job.request.version)
    assert tasks.run_check(job.pk) == "passed"


def test_a_job_overtaken_by_a_change_gives_way(job: CheckRun, by_ada: Actor, run_checks: RunChecks) -> None:
    fill_card(by_ada, job.request.version, "Other words.")
    assert tasks.run_check(job.pk) == "superseded"
    case = run_checks(job.request)
    assert case.jobs["card"].pk != job.pk
    assert case.jobs["card"].state == CheckState.PASSED


def test_a_change_back_finds_the_old_result(job: CheckRun, by_ada: Actor, run_checks: RunChecks) -> None:
    before = run_checks(job.request)
    run_id = job.request.version.run_id
    set_tag(actor=by_ada, run_id=run_id, key="git_commit", value="other")
    assert run_checks(job.request).snapshot.subject_digest != before.snapshot.subject_digest
    set_tag(actor=by_ada, run_id=run_id, key="git_commit", value="b7d9e4")
    assert run_checks(job.request).snapshot.subject_digest == before.snapshot.subject_digest


def test_a_change_without_a_message_is_noticed(job: CheckRun, by_ada: Actor, run_checks: RunChecks) -> None:
    run_checks(job.request)
    tasks.apply_approved_requests()
    assert not CheckRun.objects.filter(state=CheckState.QUEUED).exists()
    fill_card(by_ada, job.request.version, "Other words.")
    tasks.apply_approved_requests()
    assert CheckRun.objects.get(state=CheckState.QUEUED).rule == "card"


def test_a_waiting_job_is_announced_again(job: CheckRun) -> None:
    CheckRun.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    before = OutboxMessage.objects.count()
    assert requeue() == 6
    assert requeue() == 0
    assert OutboxMessage.objects.count() == before + 6
    assert not Event.objects.filter(action=Action.APPROVALS_CHECK_REQUEUED).exists()
