"""The check of a published rule is uninstalled: the rule fails with a reason, and policy editors or an operator can
resolve it.
"""

from __future__ import annotations

from typing import Any

import pytest
from pytest_django import Settings

from accounts.models import User
from approvals import tasks
from approvals.case.loading import load_case
from approvals.models import RequestState, TransitionRequest
from approvals.policy_changes.replay import Outcome, replay
from approvals.requests.review import decide_request
from approvals.requests.transition import request_transition
from core.actors import Actor
from core.errors import GateRefused, InvalidInput
from policies.defaults import DEFAULT_POLICIES
from registry.stages import Stage
from tests.approvals.conftest import Ask, NewVersion, RunChecks, reread
from tests.approvals.publishing import publish_policy, retire_policy
from tests.console.conftest import SignedIn, signed_in, text_of

__all__ = ["signed_in"]

SCAN = "validation.checks.artifact.Scan"
MENDED: dict[str, Any] = {
    **DEFAULT_POLICIES[1],
    "rules": [rule for rule in DEFAULT_POLICIES[1]["rules"] if rule["id"] != "safe-artifact"],  # type: ignore[attr-defined]  # a list of mappings
}


def take_scan_away(settings: Settings) -> None:
    settings.CHECKS = [path for path in settings.CHECKS if path != SCAN]


def test_an_open_request_is_blocked_with_a_reason(ready: TransitionRequest, settings: Settings) -> None:
    take_scan_away(settings)
    found = {row["rule"]: row for row in load_case(reread(ready)).verdict.blocked_by()}
    assert (
        found["safe-artifact"]["why"] == "This server cannot apply the rule: the check artifact.scan is not installed."
    )
    assert found["safe-artifact"]["who_can_resolve"].startswith("policy editors, by publishing a revision without it")


def test_an_approved_request_is_not_applied(ready: TransitionRequest, by_bea: Actor, settings: Settings) -> None:
    digest = load_case(ready).verdict.subject_digest
    decide_request(actor=by_bea, request_id=ready.pk, decision="approve", comment="Good.", seen_digest=digest)
    take_scan_away(settings)
    assert tasks.apply_request(ready.pk) == "not applied"
    version = reread(ready).version
    assert (version.stage, version.is_current) == ("None", False)


def test_a_requester_gets_a_refusal_and_no_error(
    policies: object, new_version: NewVersion, by_ada: Actor, settings: Settings
) -> None:
    take_scan_away(settings)
    new_version()
    with pytest.raises(GateRefused, match=r"safe-artifact: This server cannot apply the rule"):
        request_transition(
            actor=by_ada, name="fraud", version=1, target=Stage.STAGING, archive_existing=False, comment=""
        )
    assert reread(TransitionRequest.objects.get()).version.stage == "None"


def test_pages_and_the_api_still_work(
    ready: TransitionRequest, ops: User, ada: User, signed_in: SignedIn, settings: Settings
) -> None:
    take_scan_away(settings)
    client = signed_in(ops)
    policy = ready.policy_revision.policy
    said = "cannot apply the rule: the check artifact.scan is not installed"
    assert "Never met, because this server cannot apply it" in text_of(client.get(f"/policies/{policy.pk}/"))
    assert said in text_of(client.get(f"/admin/approvals/transitionrequest/{ready.pk}/change/"))
    assert said in text_of(client.get(f"/api/v1/transition-requests/{ready.pk}"))
    for path in (
        "/admin/", "/policies/", "/checks/", "/models/", "/models/fraud/", "/models/fraud/versions/1/", "/emergencies/",
        f"/policies/{policy.pk}/edit/", f"/policies/{policy.pk}/export/", "/api/v1/policies",
        f"/api/v1/policies/{policy.name}", f"/checks/runs/{ready.check_runs.get(check_code='artifact.scan').pk}/",
    ):  # fmt: skip
        assert client.get(path).status_code == 200, path


def test_a_draft_with_it_is_refused_and_a_replay_still_works(
    ready: TransitionRequest, by_ada: Actor, by_bea: Actor, settings: Settings
) -> None:
    digest = load_case(ready).verdict.subject_digest
    decide_request(actor=by_bea, request_id=ready.pk, decision="approve", comment="Good.", seen_digest=digest)
    assert tasks.apply_request(ready.pk) == "applied"
    take_scan_away(settings)
    with pytest.raises(InvalidInput, match=r"rules\[3\]: there is no check 'artifact.scan'"):
        replay(actor=by_ada, body=DEFAULT_POLICIES[1])
    assert [row.outcome for row in replay(actor=by_ada, body=MENDED).rows] == [Outcome.SAME]


def test_asking_again_under_a_revision_without_it_passes(
    new_version: NewVersion, ask: Ask, run_checks: RunChecks, settings: Settings
) -> None:
    take_scan_away(settings)
    publish_policy(body=MENDED)
    found = run_checks(ask(new_version())).verdict
    assert [row["rule"] for row in found.blocked_by()] == ["reviewers"]


def test_the_policy_can_be_retired(policies: object, settings: Settings) -> None:
    take_scan_away(settings)
    assert retire_policy("production-default").state == "published"


def test_installing_the_check_again_is_enough(ready: TransitionRequest, by_bea: Actor, settings: Settings) -> None:
    before = list(settings.CHECKS)
    take_scan_away(settings)
    tasks.settle_request(ready.pk)
    settings.CHECKS = before
    tasks.settle_request(ready.pk)
    assert reread(ready).state == RequestState.OPEN
    assert [row["rule"] for row in load_case(reread(ready)).verdict.blocked_by()] == ["reviewers"]
