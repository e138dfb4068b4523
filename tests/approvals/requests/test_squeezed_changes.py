"""Between approval and promotion something changes, by every route there is: the promotion is refused, every time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_django import Settings

from accounts.models import User
from approvals import tasks
from approvals.case.loading import load_case
from approvals.models import CheckRun, RequestState, TransitionRequest
from approvals.requests.review import decide_request
from approvals.requests.transition import request_transition
from audit.actions import Action
from audit.models import Event
from core.actors import Actor, system_actor
from core.errors import GateRefused
from lineage.quarantine import place_quarantine
from policies.defaults import DEFAULT_POLICIES
from registry.models import ModelVersion
from registry.services.stages import change_stage
from registry.stages import Stage
from tests.approvals.conftest import Ask, NewVersion, RunChecks, fill_card, reread
from tests.approvals.publishing import publish_policy, retire_policy
from tests.recorded_fixtures import recorded_fixture
from tracking.artifacts import folder_files
from tracking.limits import Point
from tracking.models import Artifact
from tracking.services.logging import delete_tag, log_metric, set_tag

Change = Callable[[ModelVersion, Actor, Path], None]


@pytest.fixture
@recorded_fixture
def approved(
    serving: ModelVersion,
    new_version: NewVersion,
    ask: Ask,
    run_checks: RunChecks,
    by_bea: Actor,
) -> TransitionRequest:
    """Version 2 is approved to replace version 1, and no worker has applied it yet."""
    request = ask(new_version(auc=0.94))
    case = run_checks(request)
    digest = case.snapshot.subject_digest
    decide_request(actor=by_bea, request_id=request.pk, decision="approve", comment="Good.", seen_digest=digest)
    assert reread(request).state == RequestState.APPROVED
    return reread(request)


def edit_the_card(version: ModelVersion, actor: Actor, _: Path) -> None:
    fill_card(actor, version, "Something else.")


def change_a_tag(version: ModelVersion, actor: Actor, _: Path) -> None:
    set_tag(actor=actor, run_id=version.run_id, key="dataset_version", value="orders_v9")


def take_a_tag(version: ModelVersion, actor: Actor, _: Path) -> None:
    delete_tag(actor=actor, run_id=version.run_id, key="git_commit")


def log_a_worse_metric(version: ModelVersion, actor: Actor, _: Path) -> None:
    log_metric(actor=actor, run_id=version.run_id, point=Point(key="val_auc", value=0.2, timestamp_ms=2, step=1))


def log_a_better_metric(version: ModelVersion, actor: Actor, _: Path) -> None:
    log_metric(actor=actor, run_id=version.run_id, point=Point(key="val_auc", value=0.99, timestamp_ms=2, step=1))


def log_to_the_incumbent(version: ModelVersion, actor: Actor, _: Path) -> None:
    run_id = ModelVersion.objects.get(version=1).run_id
    log_metric(actor=actor, run_id=run_id, point=Point(key="val_auc", value=0.99, timestamp_ms=2, step=1))


def turn_a_check(version: ModelVersion, _: Actor, __: Path) -> None:
    CheckRun.objects.filter(rule="safe-artifact", request__version=version).update(state="failed")


def rewrite_evidence(version: ModelVersion, _: Actor, __: Path) -> None:
    CheckRun.objects.filter(rule="safe-artifact", request__version=version).update(evidence_digest="0" * 64)


def publish_a_revision(_: ModelVersion, __: Actor, ___: Path) -> None:
    body = {**DEFAULT_POLICIES[1], "options": {"expires_after": "7d"}}
    publish_policy(body=body)


def publish_a_closer_policy(_: ModelVersion, __: Actor, ___: Path) -> None:
    body = {**DEFAULT_POLICIES[1], "name": "fraud", "applies_to": {"target": "Production", "models": "fraud"}}
    publish_policy(body=body)


def change_the_incumbent(version: ModelVersion, _: Actor, __: Path) -> None:
    incumbent = ModelVersion.objects.get(version=1)
    retire_policy("leaving-production-default")
    change_stage(
        actor=system_actor("test"), version=incumbent, target=Stage.ARCHIVED, archive_existing=False, reason="x"
    )


def tamper_with_the_bytes(version: ModelVersion, _: Actor, store: Path) -> None:
    digest = next(sha256 for name, sha256, _ in folder_files(version.artifact_path) if name == "model.pkl")
    blob = next(path for path in store.rglob("*") if path.is_file() and path.name.endswith(digest[4:]))
    blob.chmod(0o600)
    blob.write_bytes(blob.read_bytes()[:-1] + b"!")


def lose_the_bytes(version: ModelVersion, _: Actor, store: Path) -> None:
    for blob in [path for path in store.rglob("*") if path.is_file()]:
        blob.unlink()


def swap_a_row(version: ModelVersion, _: Actor, __: Path) -> None:
    """Somebody with access to the database makes a file name point at other bytes."""

    other = Artifact.objects.get(path=f"{version.artifact_path}/requirements.txt")
    Artifact.objects.filter(path=f"{version.artifact_path}/model.pkl").update(sha256=other.sha256, size=other.size)


def quarantine_the_data(_: ModelVersion, __: Actor, ___: Path) -> None:
    place_quarantine(actor=system_actor("test"), urn="dataset-version:users/v3.0", reason="Found to be wrong.")


def name_other_evaluation_data(_: ModelVersion, actor: Actor, __: Path) -> None:
    run_id = ModelVersion.objects.get(version=1).run_id
    set_tag(actor=actor, run_id=run_id, key="eval_dataset_version", value="holdout_v1")


ROUTES: list[Change] = [
    edit_the_card,
    change_a_tag,
    take_a_tag,
    log_a_worse_metric,
    log_a_better_metric,
    turn_a_check,
    rewrite_evidence,
    publish_a_revision,
    publish_a_closer_policy,
    change_the_incumbent,
    tamper_with_the_bytes,
    lose_the_bytes,
    swap_a_row,
    quarantine_the_data,
]


@pytest.mark.parametrize("change", ROUTES, ids=lambda route: route.__name__)
def test_the_worker_is_refused(approved: TransitionRequest, change: Change, by_ada: Actor, tmp_path: Path) -> None:
    change(approved.version, by_ada, tmp_path / "artifacts")
    before = Event.objects.filter(action=Action.REGISTRY_STAGE_CHANGED).count()
    assert tasks.apply_request(approved.pk) == "not applied"
    assert reread(approved).state == RequestState.STALE
    version = ModelVersion.objects.get(pk=approved.version_id)
    assert (version.stage, version.is_current) == (Stage.NONE, False)
    assert Event.objects.filter(action=Action.REGISTRY_STAGE_CHANGED).count() == before
    assert Event.objects.filter(action=Action.APPROVALS_REQUEST_STALED).count() == 1


@pytest.mark.parametrize("change", [log_to_the_incumbent, name_other_evaluation_data])
def test_what_the_incumbent_was_is_pinned(
    approved: TransitionRequest, change: Change, by_ada: Actor, tmp_path: Path
) -> None:
    change(approved.version, by_ada, tmp_path / "artifacts")
    assert tasks.apply_request(approved.pk) == "applied"


@pytest.mark.parametrize("change", [edit_the_card, change_the_incumbent, tamper_with_the_bytes])
def test_the_caller_is_refused(approved: TransitionRequest, change: Change, by_ada: Actor, tmp_path: Path) -> None:
    change(approved.version, by_ada, tmp_path / "artifacts")
    with pytest.raises(GateRefused):
        request_transition(
            actor=by_ada, name="fraud", version=2, target=Stage.PRODUCTION, archive_existing=True, comment=""
        )
    assert ModelVersion.objects.get(version=2).stage == Stage.NONE
    assert reread(approved).state == RequestState.STALE


def test_asking_again_opens_a_request_that_needs_a_new_review(approved: TransitionRequest, by_ada: Actor) -> None:
    fill_card(by_ada, approved.version, "Something else.")
    with pytest.raises(GateRefused) as refused:
        request_transition(actor=by_ada, name="fraud", version=2, target=Stage.PRODUCTION, archive_existing=True)
    assert refused.value.request_id not in (None, approved.pk)
    assert "reviewers" in {item["rule"] for item in refused.value.blocked_by}


def test_a_reviewer_who_leaves_the_group_no_longer_counts(approved: TransitionRequest, bea: User) -> None:
    bea.groups.clear()
    assert tasks.apply_request(approved.pk) == "not applied"
    assert reread(approved).state == RequestState.STALE


def test_a_requester_who_lost_the_right_is_refused(approved: TransitionRequest, settings: Settings) -> None:
    settings.DEFAULT_MODEL_LEVEL = "read"
    ModelVersion.objects.get(pk=approved.version_id).model.modelusergrant_set.all().delete()
    assert tasks.apply_request(approved.pk) == "not applied"
    assert reread(approved).state == RequestState.STALE


def test_nothing_changed_is_applied(approved: TransitionRequest) -> None:
    assert tasks.apply_request(approved.pk) == "applied"
    assert ModelVersion.objects.get(version=1).stage == Stage.ARCHIVED
    assert ModelVersion.objects.get(version=2).is_current


def test_a_second_approved_request_is_void_once_another_version_is_promoted(
    approved: TransitionRequest,
    new_version: NewVersion,
    ask: Ask,
    run_checks: RunChecks,
    by_bea: Actor,
) -> None:
    other = ask(new_version(auc=0.95))
    digest = run_checks(other).snapshot.subject_digest
    decide_request(actor=by_bea, request_id=other.pk, decision="approve", comment="Good.", seen_digest=digest)
    assert tasks.apply_request(approved.pk) == "applied"
    assert tasks.apply_request(other.pk) == "not applied"
    assert not load_case(reread(other)).verdict.is_approved
    assert ModelVersion.objects.get(is_current=True).version == 2


def test_a_retired_policy_governs_nothing(approved: TransitionRequest) -> None:
    retire_policy("production-default")
    assert tasks.apply_request(approved.pk) == "applied"
