"""Rolling back: one action, with rules of its own, to a version whose approval is still valid."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from approvals import tasks
from approvals.case.earlier_approvals import versions_previously_at
from approvals.case.loading import load_case
from approvals.case.rollback_candidates import rollback_candidates
from approvals.models import RequestState, TransitionRequest
from approvals.oversight.findings import open_finding
from approvals.requests.review import decide_request
from approvals.requests.roll_back import roll_back
from approvals.requests.transition import request_transition
from audit.models import Event
from core.actors import Actor
from core.errors import Conflict, Denied, GateRefused, InvalidInput, InvalidState
from policies.request_kinds import RequestKind
from registry.models import ModelVersion
from registry.stages import Stage
from tests.approvals.conftest import NewVersion, RunChecks, reread
from tests.approvals.governed import PRODUCTION, approve, ask, promote, publish, stage_of
from tests.approvals.publishing import retire_policy
from tests.conftest import Acting
from tests.recorded_fixtures import recorded_fixture


@pytest.fixture
@recorded_fixture
def two(new_version: NewVersion, by_ada: Actor, by_bea: Actor) -> list[ModelVersion]:
    """Version 1 was in Production, version 2 is."""
    publish()
    versions = [new_version(), new_version()]
    for version in versions:
        promote(by_ada, by_bea, version)
    return versions


def finished(actor: Actor, run_checks: RunChecks, **more: object) -> TransitionRequest:
    """Roll back; a worker then runs the one check there is."""
    done = roll_back(actor=actor, name="fraud", reason="Scores drift.", wait_seconds=0, **more)  # type: ignore[arg-type]  # each test passes what it means
    assert done.request is not None
    run_checks(done.request)
    if reread(done.request).state == RequestState.APPROVED:
        tasks.apply_request(done.request.pk)
    return reread(done.request)


def test_one_action_brings_the_former_version_back(
    two: list[ModelVersion], by_ada: Actor, run_checks: RunChecks
) -> None:
    request = finished(by_ada, run_checks)
    assert (request.state, request.kind) == (RequestState.APPLIED, RequestKind.ROLLBACK)
    assert (stage_of(1), stage_of(2)) == (PRODUCTION, ("Archived", False))
    assert ModelVersion.objects.filter(is_current=True).count() == 1
    assert Event.objects.filter(action="registry.stage.changed", outcome="ok").count() == 5


def test_and_forward_again(two: list[ModelVersion], by_ada: Actor, run_checks: RunChecks) -> None:
    finished(by_ada, run_checks)
    assert finished(by_ada, run_checks).state == RequestState.APPLIED
    assert stage_of(2) == PRODUCTION


def test_with_approvals_in_the_lane_it_waits_for_them(
    new_version: NewVersion, by_ada: Actor, by_bea: Actor, run_checks: RunChecks
) -> None:
    publish(rollback={"approvals": {"count": 1, "groups": ["reviewers"]}})
    for version in [new_version(), new_version()]:
        promote(by_ada, by_bea, version)
    request = finished(by_ada, run_checks)
    assert (request.state, stage_of(2)) == (RequestState.OPEN, PRODUCTION)
    approve(by_bea, request)
    assert tasks.apply_request(request.pk) == "applied"
    assert stage_of(1) == PRODUCTION


def refused(actor: Actor, words: str, **more: object) -> None:
    """Assert that nothing is rolled back, for this reason."""
    before = TransitionRequest.objects.count()
    with pytest.raises(InvalidState, match=words):
        roll_back(actor=actor, name="fraud", reason="x", wait_seconds=0, **more)  # type: ignore[arg-type]  # each test passes what it means
    assert TransitionRequest.objects.count() == before
    assert stage_of(2) == PRODUCTION


def test_changed_files_are_nothing_to_go_back_to(two: list[ModelVersion], by_ada: Actor) -> None:
    ModelVersion.objects.filter(version=1).update(artifact_digest="sha256:" + "0" * 64)
    refused(by_ada, "files have changed since the approval")


def test_nor_is_what_was_rejected_since(two: list[ModelVersion], by_ada: Actor, by_bea: Actor) -> None:
    request = ask(by_ada, two[0])
    decide_request(actor=by_bea, request_id=request.pk, decision="reject", comment="Not again.")
    refused(by_ada, "rejected since")


def test_nor_what_has_a_critical_finding(two: list[ModelVersion], by_ada: Actor) -> None:
    open_finding(actor=by_ada, name="fraud", version=1, severity="critical", title="Leak")
    refused(by_ada, "critical finding")


def test_nor_what_is_overdue_where_that_blocks(new_version: NewVersion, by_ada: Actor, by_bea: Actor) -> None:
    publish(re_review_every={"every": "30d", "when_due": "block"})
    with time_machine.travel(timezone.now() - timedelta(days=40), tick=False):
        promote(by_ada, by_bea, new_version())
    promote(by_ada, by_bea, new_version())
    refused(by_ada, "has been overdue since")


def test_nor_what_left_too_long_ago(
    new_version: NewVersion, by_ada: Actor, by_bea: Actor, run_checks: RunChecks
) -> None:
    publish(rollback={"within": "1d"})
    with time_machine.travel(timezone.now() - timedelta(days=3), tick=False):
        for version in [new_version(), new_version()]:
            promote(by_ada, by_bea, version)
    request = finished(by_ada, run_checks)
    assert (request.state, stage_of(2)) == (RequestState.OPEN, PRODUCTION)
    assert "more than 1 day ago" in load_case(request).verdict.blocked_by()[0]["why"].replace("24 hours", "1 day")


def test_what_never_was_there_is_a_promotion(two: list[ModelVersion], new_version: NewVersion, by_ada: Actor) -> None:
    new_version()
    refused(by_ada, "never in Production", version=3)
    refused(by_ada, "or is there now", version=2)


def test_with_nothing_before_it_says_so(new_version: NewVersion, by_ada: Actor, by_bea: Actor) -> None:
    publish()
    promote(by_ada, by_bea, new_version())
    with pytest.raises(InvalidState, match="No version of fraud can be brought back"):
        roll_back(actor=by_ada, name="fraud", reason="x")


def test_the_nearest_that_stands_is_taken(
    two: list[ModelVersion], new_version: NewVersion, by_ada: Actor, by_bea: Actor, run_checks: RunChecks
) -> None:
    promote(by_ada, by_bea, new_version())
    open_finding(actor=by_ada, name="fraud", version=2, severity="critical", title="Leak")
    found = rollback_candidates(two[0].model)
    assert [(row.version.version, bool(row.obstacle)) for row in found] == [(2, True), (1, False)]
    finished(by_ada, run_checks)
    assert stage_of(1) == PRODUCTION


def test_an_alias_rolls_back_too(new_version: NewVersion, by_ada: Actor, by_bea: Actor, run_checks: RunChecks) -> None:
    publish("@champion")
    for version in [new_version(), new_version()]:
        promote(by_ada, by_bea, version, "@champion")
    assert finished(by_ada, run_checks, target="@champion").state == RequestState.APPLIED
    assert ModelVersion.objects.get(aliases__name="champion").version == 1


def test_a_reason_and_the_right_are_needed(
    two: list[ModelVersion], by_ada: Actor, cy: object, acting: Acting, settings: object
) -> None:
    settings.DEFAULT_MODEL_LEVEL = "read"  # type: ignore[attr-defined]  # pytest-django's
    with pytest.raises(InvalidInput):
        roll_back(actor=by_ada, name="fraud", reason=" ")
    with pytest.raises(Denied):
        roll_back(actor=acting(cy), name="fraud", reason="x")  # type: ignore[arg-type]  # the cast
    assert stage_of(2) == PRODUCTION


def test_an_open_promotion_is_not_taken_for_one(two: list[ModelVersion], by_ada: Actor) -> None:
    ask(by_ada, two[0])
    with pytest.raises(Conflict, match="open as a promotion"):
        roll_back(actor=by_ada, name="fraud", reason="x", wait_seconds=0)


def test_over_mlflow_going_back_stays_a_promotion(two: list[ModelVersion], by_ada: Actor) -> None:
    with pytest.raises(GateRefused, match="reviewers"):
        request_transition(actor=by_ada, name="fraud", version=1, target="Production", archive_existing=True)
    assert TransitionRequest.objects.latest("pk").kind == RequestKind.PROMOTION


def test_without_a_policy_the_superseded_version_returns(two: list[ModelVersion], by_ada: Actor) -> None:
    retire_policy("fraud-production")
    assert roll_back(actor=by_ada, name="fraud", reason="x").request is None
    assert stage_of(1) == PRODUCTION


def test_what_broke_the_glass_was_never_approved(two: list[ModelVersion]) -> None:
    TransitionRequest.objects.filter(version=two[0]).update(kind=RequestKind.BREAK_GLASS)
    assert [row.version for row, _ in versions_previously_at(two[0].model, Stage.PRODUCTION)] == [2]


def test_versions_in_staging_are_no_candidates_for_staging(
    new_version: NewVersion, by_ada: Actor, by_bea: Actor
) -> None:
    publish("Staging")
    first, second = new_version(), new_version()
    promote(by_ada, by_bea, first, "Staging")
    promote(by_ada, by_bea, second, "Staging")
    assert (stage_of(1), stage_of(2)) == (("Archived", False), ("Staging", False))
    assert [row.version for row in rollback_candidates(first.model, "Staging")] == [first]
    with pytest.raises(InvalidState, match="or is there now"):
        roll_back(actor=by_ada, name="fraud", reason="x", target="Staging", version=2, wait_seconds=0)
    assert not TransitionRequest.objects.filter(kind=RequestKind.ROLLBACK).exists()
