"""A tighter policy reaches open requests, a looser one does not; through the real services."""

from __future__ import annotations

import copy
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from approvals.case.loading import load_case
from approvals.models import TransitionRequest
from approvals.requests.lifecycle import withdraw_request
from approvals.requests.review import decide_request
from approvals.requests.settle import apply_request, settle_request
from core.actors import Actor, system_actor
from core.errors import DomainError
from policies.defaults import DEFAULT_POLICIES
from policies.matching import policy_for
from registry.models import ModelVersion
from tests.approvals.conftest import Ask, NewVersion, RunChecks, reread
from tests.approvals.publishing import publish_policy, retire_policy

PRODUCTION = DEFAULT_POLICIES[1]
FREEZE: dict[str, object] = {"id": "freeze", "not_during": [{"name": "now", "from": "2020-01-01", "to": "2099-01-01"}]}


def rules(*, without: str = "", count: int = 1, more: tuple[dict[str, object], ...] = ()) -> dict[str, Any]:
    kept = [copy.deepcopy(rule) for rule in PRODUCTION["rules"] if rule["id"] != without]  # type: ignore[attr-defined]  # a list
    for rule in kept:
        if rule["id"] == "reviewers":
            rule["approvals"]["count"] = count
    return {**PRODUCTION, "rules": [*kept, *more]}


def blockers(request: TransitionRequest) -> list[str]:
    return [item["rule"] for item in load_case(reread(request)).verdict.blocked_by()]


def approve(request: TransitionRequest, by: Actor) -> None:
    settle_request(actor=system_actor("test"), request_id=request.pk)
    seen = load_case(reread(request)).snapshot.subject_digest
    decide_request(actor=by, request_id=request.pk, decision="approve", comment="Fine.", seen_digest=seen)


def test_a_new_rule_blocks_open_requests(ready: TransitionRequest, by_bea: Actor) -> None:
    publish_policy(body=rules(more=(FREEZE,)))
    approve(ready, by_bea)
    assert blockers(ready) == ["freeze"]
    with pytest.raises(DomainError):
        apply_request(request_id=ready.pk)
    assert ModelVersion.objects.get().stage == "None"


def test_a_longer_delay_reaches_open_requests(ready: TransitionRequest, by_bea: Actor) -> None:
    publish_policy(body={**PRODUCTION, "options": {**PRODUCTION.get("options", {}), "apply_delay": "24h"}})  # type: ignore[dict-item]  # a mapping
    approve(ready, by_bea)
    later = reread(ready).apply_after
    assert later is not None
    assert later > timezone.now() + timedelta(hours=23)


def test_an_approval_under_the_old_rules_does_not_count(ready: TransitionRequest, by_bea: Actor) -> None:
    approve(ready, by_bea)
    publish_policy(body=rules(more=(FREEZE,)))
    with pytest.raises(DomainError):
        apply_request(request_id=ready.pk)
    assert ModelVersion.objects.get().stage == "None"
    assert reread(ready).state == "stale"


def test_open_requests_need_the_greater_number_of_approvals(ready: TransitionRequest, by_bea: Actor) -> None:
    publish_policy(body=rules(count=2))
    approve(ready, by_bea)
    assert blockers(ready) == ["reviewers"]


@pytest.mark.parametrize("how", ["dropped", "retired", "fewer"])
def test_a_looser_policy_does_not_reach_open_requests(ready: TransitionRequest, how: str) -> None:
    if how == "retired":
        retire_policy("production-default")
    else:
        publish_policy(body=rules(without="reviewers" if how == "dropped" else "card"))
    settle_request(actor=system_actor("test"), request_id=ready.pk)
    assert blockers(ready) == ["reviewers"]
    assert ModelVersion.objects.get().stage == "None"


def test_a_new_request_is_under_the_new_rules(
    ready: TransitionRequest, by_ada: Actor, ask: Ask, run_checks: RunChecks
) -> None:
    publish_policy(body=rules(without="reviewers"))
    withdraw_request(actor=by_ada, request_id=ready.pk)
    again = ask(ready.version)
    run_checks(again)
    assert reread(again).state in {"approved", "applied"}
    assert str(reread(again).policy_revision) == "production-default r2"


def test_tightening_then_loosening_keeps_the_rules_of_the_opening(ready: TransitionRequest) -> None:
    publish_policy(body=rules(more=(FREEZE,)))
    settle_request(actor=system_actor("test"), request_id=ready.pk)
    publish_policy(body=rules(without="reviewers"))
    settle_request(actor=system_actor("test"), request_id=ready.pk)
    assert "reviewers" in blockers(ready)


def test_the_expiry_is_that_of_the_opening(ready: TransitionRequest) -> None:
    publish_policy(body={**rules(), "options": {"expires_after": "100d"}})
    settle_request(actor=system_actor("test"), request_id=ready.pk)
    assert reread(ready).expires_at - ready.opened_at == timedelta(days=14)


def test_a_policy_with_a_longer_pattern_governs_new_requests(
    policies: object, new_version: NewVersion, ada: User
) -> None:
    model = new_version().model
    publish_policy(body={**rules(), "name": "fraud", "applies_to": {"target": "Production", "models": "fraud"}})
    found = policy_for(model, "Production")
    assert found is not None
    assert found.label == "fraud r1"
