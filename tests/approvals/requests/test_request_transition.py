"""The engine behind every door: ask, say what is missing, and after approval the same call succeeds."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pytest_django import Settings

from accounts.models import User
from approvals import tasks
from approvals.case.loading import load_case
from approvals.models import RequestState, TransitionRequest
from approvals.requests.open import open_request
from approvals.requests.review import decide_request
from approvals.requests.transition import request_transition
from audit.actions import Action
from audit.models import Event
from core.actors import Actor
from core.errors import Conflict, Denied, GateRefused
from registry.models import ModelVersion
from registry.stages import Stage
from tests.approvals.conftest import NewVersion, RunChecks, fill_card, reread
from tests.conftest import Acting
from tracking.services.logging import set_tag

Move = Callable[..., ModelVersion]


@pytest.fixture
def move(by_ada: Actor) -> Move:
    """Ask as the MLflow door does, for version 1."""

    def asked(target: Stage, *, version: int = 1, archive_existing: bool = True) -> ModelVersion:
        return request_transition(
            actor=by_ada, name="fraud", version=version, target=target, archive_existing=archive_existing
        )

    return asked


def approve(request: TransitionRequest, by: Actor) -> None:
    digest = load_case(reread(request)).snapshot.subject_digest
    decide_request(actor=by, request_id=request.pk, decision="approve", comment="Looks right.", seen_digest=digest)


def test_ungoverned_moves_at_once(new_version: NewVersion, move: Move) -> None:
    new_version()
    assert move(Stage.STAGING).stage == Stage.STAGING
    assert not TransitionRequest.objects.exists()


def test_production_is_not_left_by_way_of_staging(
    policies: object, serving: ModelVersion, cy: User, acting: Acting, settings: Settings
) -> None:
    settings.DEFAULT_MODEL_LEVEL = "edit"
    with pytest.raises(Denied, match="out of Production"):
        request_transition(actor=acting(cy), name="fraud", version=1, target=Stage.STAGING, archive_existing=False)
    assert not TransitionRequest.objects.exists()
    assert ModelVersion.objects.get().is_current


def test_a_request_from_before_does_not_take_it_out_of_production(
    policies: object, new_version: NewVersion, cy: User, acting: Acting, run_checks: RunChecks, settings: Settings
) -> None:
    version, settings.DEFAULT_MODEL_LEVEL = new_version(), "edit"
    request = open_request(actor=acting(cy), name="fraud", version=1, target=Stage.STAGING, archive_existing=False)
    ModelVersion.objects.filter(pk=version.pk).update(stage=Stage.PRODUCTION, is_current=True)
    run_checks(request)
    assert tasks.apply_request(request.pk) == "not applied"
    assert reread(request).state == RequestState.OPEN  # it asks for a way out of Production now, which nobody approved
    assert ModelVersion.objects.get().is_current


def test_staging_needs_the_checks_only(
    policies: object, new_version: NewVersion, move: Move, run_checks: RunChecks
) -> None:
    new_version()
    with pytest.raises(GateRefused, match="lineage: The check waits for a worker"):
        move(Stage.STAGING)
    request = TransitionRequest.objects.get()
    run_checks(request)
    assert move(Stage.STAGING).stage == Stage.STAGING
    assert reread(request).state == RequestState.APPLIED
    assert move(Stage.STAGING).stage == Stage.STAGING
    assert TransitionRequest.objects.count() == 1


def test_production_says_each_missing_thing(
    policies: object, new_version: NewVersion, move: Move, run_checks: RunChecks
) -> None:
    new_version(card=False, tags={"git_commit": "b7d9e4"})
    with pytest.raises(GateRefused):
        move(Stage.PRODUCTION)
    request = TransitionRequest.objects.get()
    run_checks(request)
    with pytest.raises(GateRefused) as refused:
        move(Stage.PRODUCTION)
    lines = refused.value.message.splitlines()
    assert lines[0] == "Promotion of fraud v1 to Production is not approved yet."
    assert [line.split(":")[0] for line in lines[1:-1]] == ["- lineage", "- card", "- reviewers"]
    assert "dataset_version, triggered_by" in lines[1]
    assert lines[-1] == f"Request: http://custody.test/admin/approvals/transitionrequest/{request.pk}/change/"
    assert refused.value.request_id == request.pk
    assert ModelVersion.objects.get().stage == Stage.NONE


def test_after_approval_the_same_call_succeeds(ready: TransitionRequest, move: Move, by_bea: Actor) -> None:
    with pytest.raises(GateRefused, match="reviewers: needs 1 approval from reviewers"):
        move(Stage.PRODUCTION)
    approve(ready, by_bea)
    moved = move(Stage.PRODUCTION)
    assert (moved.stage, moved.is_current, moved.approved_by) == (Stage.PRODUCTION, True, "bea")
    assert move(Stage.PRODUCTION).staged_at == moved.staged_at


def test_a_worker_applies_after_the_last_approval(ready: TransitionRequest, by_bea: Actor) -> None:
    approve(ready, by_bea)
    assert reread(ready).state == RequestState.APPROVED
    assert tasks.apply_request(ready.pk) == "applied"
    assert tasks.apply_request(ready.pk) == "applied"
    version = ModelVersion.objects.get()
    assert (version.stage, version.staged_by) == (Stage.PRODUCTION, "ada")
    assert Event.objects.filter(action=Action.APPROVALS_REQUEST_APPLIED).count() == 1


def test_what_failed_can_be_mended_in_the_same_request(
    policies: object, new_version: NewVersion, move: Move, run_checks: RunChecks, by_ada: Actor
) -> None:
    version = new_version(card=False, tags={})
    with pytest.raises(GateRefused):
        move(Stage.PRODUCTION)
    request = TransitionRequest.objects.get()
    assert run_checks(request).verdict.state == "blocked"
    fill_card(by_ada, version)
    for key in ("dataset_version", "git_commit", "triggered_by"):
        set_tag(actor=by_ada, run_id=version.run_id, key=key, value="x")
    assert run_checks(request).verdict.state == "pending"
    assert TransitionRequest.objects.count() == 1


def test_a_refusal_is_recorded_once(ready: TransitionRequest, move: Move) -> None:
    for _ in range(3):
        with pytest.raises(GateRefused) as refused:
            move(Stage.PRODUCTION)
        assert refused.value.recorded
    denied = Event.objects.filter(action=Action.REGISTRY_STAGE_CHANGED, outcome="denied")
    assert denied.count() == 1


def test_an_outsider_opens_nothing(
    policies: object, new_version: NewVersion, settings: Settings, cy: User, acting: Acting
) -> None:
    new_version()
    settings.DEFAULT_MODEL_LEVEL = "read"
    with pytest.raises(Denied):
        request_transition(actor=acting(cy), name="fraud", version=1, target=Stage.PRODUCTION, archive_existing=False)
    assert not TransitionRequest.objects.exists()


def test_asking_for_something_else_conflicts(ready: TransitionRequest, move: Move) -> None:
    with pytest.raises(Conflict, match="archive_existing_versions=true"):
        move(Stage.PRODUCTION, archive_existing=False)
    assert TransitionRequest.objects.count() == 1


def test_a_rejected_request_is_not_reopened_by_a_script(
    ready: TransitionRequest, move: Move, by_bea: Actor, by_ada: Actor
) -> None:
    decide_request(actor=by_bea, request_id=ready.pk, decision="reject", comment="Too slow.")
    with pytest.raises(GateRefused, match="Rejected by bea: Too slow"):
        move(Stage.PRODUCTION)
    assert TransitionRequest.objects.count() == 1
    fill_card(by_ada, ModelVersion.objects.get(), "Now it is fast.")
    with pytest.raises(GateRefused, match="waits for a worker"):
        move(Stage.PRODUCTION)
    assert TransitionRequest.objects.count() == 2
