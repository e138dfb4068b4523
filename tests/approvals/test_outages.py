"""A gate that cannot tell decides nothing: 503, and the request stays approved and is tried again."""

from __future__ import annotations

import pytest
import time_machine
from django.db import OperationalError
from django.test import Client

from accounts.models import User
from approvals import tasks
from approvals.check_runs.jobs import MAX_ATTEMPTS
from approvals.models import CheckKey, CheckState, RequestState
from approvals.requests.settle import apply_request
from audit.models import Event
from core.actors import Actor
from core.backoff import Backoff
from core.errors import Denied, Unavailable
from tests.approvals.api.test_api import with_token
from tests.approvals.conftest import NewVersion, RunChecks, reread
from tests.approvals.governed import Json, approve, ask, publish, stage_of
from tests.conftest import Acting

INTACT: Json = {"id": "intact", "level": "hard", "check": "artifact.digest_matches"}
OUTAGES = [
    OSError(5, "Input/output error"),
    TimeoutError("store"),
    OperationalError("server closed the connection"),
    Unavailable("The store is being moved."),
]


@pytest.fixture(autouse=True)
def _no_memory_of_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "backoff", Backoff(first=10, longest=300))


@pytest.mark.parametrize("outage", OUTAGES, ids=lambda error: type(error).__name__)
def test_the_request_stays_approved_and_is_tried_again(
    outage: Exception,
    new_version: NewVersion,
    by_ada: Actor,
    by_bea: Actor,
    run_checks: RunChecks,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    publish("Production", INTACT)
    request = ask(by_ada, new_version())
    run_checks(request)
    request = approve(by_bea, request)

    def away(*_arguments: object, **_more: object) -> list[str]:
        raise outage

    with monkeypatch.context() as patch:
        patch.setattr("tracking.verification.verify_folder", away)
        with pytest.raises(Unavailable):
            apply_request(request_id=request.pk)
        assert tasks.apply_request(request.pk) == "cannot tell"
        assert (reread(request).state, stage_of(1)) == (RequestState.APPROVED, ("None", False))
        assert not Event.objects.filter(outcome="denied").exists()
    assert tasks.apply_approved_requests() == 0  # its pause is not over
    tasks.backoff.forget(request.pk)
    assert tasks.apply_approved_requests() == 1
    assert stage_of(1) == ("Production", True)


@pytest.mark.parametrize("outage", OUTAGES, ids=lambda error: type(error).__name__)
def test_a_check_that_cannot_tell_is_tried_again_however_often(
    outage: Exception, new_version: NewVersion, by_ada: Actor, run_checks: RunChecks, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish("Production", INTACT)
    request = ask(by_ada, new_version())
    (job,) = request.check_runs.all()

    def away(*_arguments: object, **_more: object) -> list[str]:
        raise outage

    with monkeypatch.context() as patch:
        patch.setattr("validation.checks.artifact.verify_folder", away)
        for _ in range(MAX_ATTEMPTS + 2):
            assert tasks.run_check(job.pk) == "cannot tell"
    job.refresh_from_db()
    assert (job.state, job.attempts) == (CheckState.QUEUED, 0)
    assert "tried again" in job.summary
    run_checks(request)
    job.refresh_from_db()
    assert job.state == CheckState.PASSED


def test_any_other_failure_refuses_and_closes_nothing(
    new_version: NewVersion, by_ada: Actor, by_bea: Actor, run_checks: RunChecks, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish("Production", INTACT)
    request = ask(by_ada, new_version())
    run_checks(request)
    request = approve(by_bea, request)

    def broken(*_arguments: object, **_more: object) -> list[str]:
        raise RuntimeError("a bug")

    monkeypatch.setattr("validation.checks.artifact.changes_since_verified", broken)
    with pytest.raises(Denied):
        apply_request(request_id=request.pk)
    assert (reread(request).state, stage_of(1)) == (RequestState.APPROVED, ("None", False))


def test_a_refusal_that_cannot_be_recorded_is_503(cy: User, acting: Acting, monkeypatch: pytest.MonkeyPatch) -> None:
    client: Client = with_token(cy, acting)

    def away(**_fields: object) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr("audit.services.record", away)
    key = {"name": "ci", "public_key": "x"}
    answer = client.post("/api/v1/check-keys", key, content_type="application/json")
    assert (answer.status_code, answer.headers.get("Retry-After")) == (503, "2")
    assert not CheckKey.objects.exists()


def test_pauses_double_up_to_a_limit() -> None:
    backoff = Backoff(first=10, longest=35)
    with time_machine.travel(0, tick=False):
        assert [backoff.failed(1) for _ in range(4)] == [10, 20, 35, 35]
    assert backoff.is_due(2)
