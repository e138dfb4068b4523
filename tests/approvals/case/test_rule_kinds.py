"""The outcome of each kind of rule on a snapshot."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from approvals.verdict.evaluation import Verdict, VerdictState, evaluate
from approvals.verdict.facts import FindingFacts, OverrideFacts, ReviewFacts, Snapshot
from approvals.verdict.rule_outcomes import RuleStatus
from policies.rules import (
    ApprovalsRule,
    CheckRule,
    Condition,
    EarlierApprovalRule,
    FindingsRule,
    FourEyesRule,
    FreezeRule,
    Owners,
    Rule,
    RuleLevel,
    Severity,
    SoakRule,
)
from policies.windows import Window

AT = datetime(2026, 12, 24, 12, tzinfo=UTC)
HARD: dict[str, Any] = {"id": "r", "level": RuleLevel.HARD}
EYES = FourEyesRule(id="eyes", level=RuleLevel.HARD, roles=("requester",))


def shown(*rules: Rule, **facts: Any) -> Verdict:
    snapshot = Snapshot(
        rules=rules,
        checks={},
        reviews=(),
        people={"requester": frozenset({"ada"})},
        subject_digest="now",
        opened_at=AT,
        expires_at=AT + timedelta(days=1),
    )
    return evaluate(replace(snapshot, **facts), AT)


def review(who: str, decision: str = "approve", **more: Any) -> ReviewFacts:
    facts: dict[str, Any] = {"groups": frozenset({"reviewers"}), "digest": "now", "at": AT, **more}
    return ReviewFacts(reviewer=who, decision=decision, **facts)


def test_a_soak_waits_until_its_time_has_passed() -> None:
    rule = SoakRule(**HARD, stage="Staging", time=timedelta(hours=24))
    assert shown(rule).state is VerdictState.BLOCKED
    waiting = shown(rule, source="Staging", staged_since={"Staging": AT - timedelta(hours=23)})
    assert (waiting.state, waiting.resolves_with_time) == (VerdictState.PENDING, True)
    assert shown(rule, staged_since={"Staging": AT - timedelta(hours=24)}).is_approved


def test_a_freeze_waits_and_says_when_it_ends() -> None:
    rule = FreezeRule(**HARD, windows=(Window("year end", "12-20", "01-03"),))
    frozen = shown(rule)
    assert frozen.resolves_with_time
    assert frozen.blocked_by()[0]["why"] == "Frozen: year end, until 2027-01-04 00:00 UTC."


def test_open_findings_block_from_their_severity() -> None:
    rule = FindingsRule(**HARD, severity=Severity.HIGH)
    mild = FindingFacts(1, Severity.MEDIUM, "drift", "ada", AT)
    assert shown(rule, findings=(mild,)).is_approved
    verdict = shown(rule, findings=(mild, replace(mild, severity=Severity.CRITICAL)))
    assert verdict.state is VerdictState.BLOCKED
    assert verdict.blocked_by()[0]["who_can_resolve"] == "ada"


def test_a_rollback_needs_a_valid_earlier_approval() -> None:
    rule = EarlierApprovalRule(**HARD, within=timedelta(days=30))
    assert not shown(rule).is_approved
    assert not shown(rule, left_target_at=AT - timedelta(days=31)).is_approved
    assert shown(rule, left_target_at=AT - timedelta(days=29)).is_approved


@pytest.mark.parametrize(
    ("condition", "facts"),
    [
        (Condition(tiers=("high",)), {"tier": "minimal"}),
        (Condition(tags={"pii": "yes"}), {"model_tags": {"pii": "no"}}),
        (Condition(sources=("Staging",)), {"source": "None"}),
        (Condition(incumbent=True), {"has_incumbent": False}),
    ],
)
def test_a_rule_that_does_not_apply_says_so(condition: Condition, facts: dict[str, Any]) -> None:
    verdict = shown(CheckRule(**HARD, check="card.complete", applies_if=condition), **facts)
    assert verdict.is_approved
    assert verdict.rules[0].status is RuleStatus.NOT_APPLICABLE
    assert verdict.rules[0].why


@pytest.mark.parametrize(
    ("change", "counts"),
    [
        ({}, True),
        ({"by": "ada"}, False),
        ({"groups": frozenset({"others"})}, False),
        ({"digest": "before"}, False),
        ({"can_decide": False}, False),
        ({"rule": "other"}, False),
    ],
)
def test_who_may_override_a_soft_rule(change: dict[str, Any], counts: bool) -> None:
    rule = CheckRule(id="r", level=RuleLevel.SOFT, check="metric.threshold", override_by=("risk",))
    given = OverrideFacts("r", "bea", frozenset({"risk"}), "measured on a broken sensor", "now", AT)
    verdict = shown(rule, EYES, overrides=(replace(given, **change),))
    assert (verdict.rules[0].status is RuleStatus.OVERRIDDEN) is counts
    assert verdict.is_approved is counts


def test_a_hard_rule_is_never_overridden() -> None:
    given = OverrideFacts("r", "bea", frozenset({"risk"}), "because", "now", AT)
    assert not shown(CheckRule(**HARD, check="x", override_by=("risk",)), overrides=(given,)).is_approved


def test_overrides_of_the_same_moment_read_the_same_in_any_order() -> None:
    first = OverrideFacts("a", "bea", frozenset(), "measured on a broken sensor", "now", AT)
    second = replace(first, rule="b")
    assert shown(EYES, overrides=(first, second)) == shown(EYES, overrides=(second, first))


def test_roles_and_owners_have_a_vote() -> None:
    rule = ApprovalsRule(**HARD, count=2, roles=("manage",), owners=(Owners("fraud_*", ("dee",)),))
    votes = (review("bea", roles=frozenset({"manage"})), review("dee"))
    assert shown(rule, reviews=votes, model_name="fraud_a").is_approved
    assert not shown(rule, reviews=votes, model_name="churn").is_approved


def test_distinct_groups_take_one_from_each() -> None:
    rule = ApprovalsRule(**HARD, count=2, groups=("reviewers", "risk"), distinct_groups=True)
    both = frozenset({"reviewers", "risk"})
    assert not shown(rule, reviews=(review("bea"), review("cy"))).is_approved
    assert shown(rule, reviews=(review("bea", groups=both), review("cy"))).is_approved


def test_a_delegated_approval_uses_the_delegators_rights_once() -> None:
    rule = ApprovalsRule(**HARD, count=2, groups=("reviewers",))
    assert not shown(rule, reviews=(review("bea"), review("dee", on_behalf_of="bea"))).is_approved
    assert not shown(rule, EYES, reviews=(review("bea"), review("dee", on_behalf_of="ada"))).is_approved
    assert shown(rule, EYES, reviews=(review("bea"), review("dee", on_behalf_of="cy"))).is_approved


def test_changes_asked_for_block_until_the_same_reviewer_decides_again() -> None:
    rule = ApprovalsRule(**HARD, count=1, groups=("reviewers",))
    asked, later = review("bea", "request_changes"), AT + timedelta(minutes=1)
    assert shown(rule, reviews=(asked, review("cy"))).state is VerdictState.BLOCKED
    assert shown(rule, reviews=(asked, review("bea", at=later))).is_approved
    assert shown(rule, reviews=(replace(asked, digest="before"), review("cy"))).is_approved


@pytest.mark.parametrize(
    ("carried", "changed", "counts"),
    [
        ((), "card", False),
        (("card",), "card", True),
        (("card",), "check:card.complete:card", True),
        (("card",), "check:artifact.scan:safe", False),
        (("checks",), "check:artifact.scan:safe", True),
        (("card", "checks", "incumbent"), "artifact", False),
        (("card", "checks", "incumbent"), "policy", False),
    ],
)
def test_the_changes_that_a_review_survives(carried: tuple[str, ...], changed: str, counts: bool) -> None:
    rule = ApprovalsRule(**HARD, count=1, groups=("reviewers",), carry_over=carried)
    parts = {"artifact": "a", "card": "c", "policy": "p", changed: "before"}
    given = review("bea", digest="before", parts=parts)
    assert shown(rule, reviews=(given,), parts={**parts, changed: "now"}).is_approved is counts
