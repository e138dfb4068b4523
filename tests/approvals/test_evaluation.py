"""The evaluator's laws, over many made-up snapshots."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from approvals.evaluation import VerdictState, evaluate
from approvals.facts import CheckFacts, ReviewFacts, Snapshot
from approvals.judging import RuleStatus
from approvals.rules import ApprovalsRule, CheckRule, FourEyesRule, Level, Rule

AT = datetime(2026, 1, 1, tzinfo=UTC)
PEOPLE = ["ada", "bea", "cy", "dee"]
GROUPS = ["reviewers", "risk"]
ROLES = ("requester", "version_author")

levels = st.sampled_from(Level)
names = st.sets(st.sampled_from(PEOPLE)).map(frozenset)


def rules_of(count: int) -> st.SearchStrategy[Rule]:
    """Return a rule named by its place."""
    return st.one_of(
        st.builds(CheckRule, id=st.just(f"r{count}"), level=levels, check=st.just("card.complete")),
        st.builds(
            ApprovalsRule,
            id=st.just(f"r{count}"),
            level=levels,
            count=st.integers(1, 3),
            groups=st.sets(st.sampled_from(GROUPS), min_size=1).map(tuple),
        ),
        st.builds(
            FourEyesRule,
            id=st.just(f"r{count}"),
            level=levels,
            roles=st.sets(st.sampled_from(ROLES), min_size=1).map(tuple),
        ),
    )


reviews = st.builds(
    ReviewFacts,
    reviewer=st.sampled_from(PEOPLE),
    groups=st.sets(st.sampled_from(GROUPS)).map(frozenset),
    decision=st.sampled_from(["approve", "approve", "approve", "reject"]),
    digest=st.sampled_from(["now", "before"]),
    at=st.just(AT),
    can_decide=st.booleans(),
)
checks = st.builds(
    CheckFacts,
    state=st.sampled_from(["queued", "running", "passed", "failed", "error"]),
    summary=st.just(""),
    since=st.just(AT),
)


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    rules = tuple(draw(rules_of(place)) for place in range(draw(st.integers(1, 4))))
    found = {rule.id: draw(checks) for rule in rules if isinstance(rule, CheckRule) and draw(st.booleans())}
    return Snapshot(
        rules=rules,
        checks=found,
        reviews=tuple(draw(st.lists(reviews, max_size=5))),
        people={role: draw(names) for role in ROLES},
        subject_digest="now",
        opened_at=AT,
        expires_at=AT + timedelta(days=1),
    )


@given(snapshots(), st.randoms())
def test_the_order_of_reviews_is_irrelevant(snapshot: Snapshot, chance: Random) -> None:
    mixed = list(snapshot.reviews)
    chance.shuffle(mixed)
    assert evaluate(replace(snapshot, reviews=tuple(mixed)), AT) == evaluate(snapshot, AT)


@given(snapshots(), reviews)
def test_another_approval_never_blocks(snapshot: Snapshot, review: ReviewFacts) -> None:
    approval = replace(review, decision="approve")
    before = evaluate(snapshot, AT)
    after = evaluate(replace(snapshot, reviews=(*snapshot.reviews, approval)), AT)
    if before.is_approved:
        assert after.is_approved
    assert {row.rule for row in after.rules if row.blocks} <= {row.rule for row in before.rules if row.blocks}


@given(snapshots(), st.lists(reviews, max_size=9))
def test_approvals_alone_never_pass_a_check(snapshot: Snapshot, more: list[ReviewFacts]) -> None:
    approvals = tuple(replace(review, decision="approve") for review in more)
    after = evaluate(replace(snapshot, reviews=snapshot.reviews + approvals), AT)
    open_checks = [row for row in evaluate(snapshot, AT).rules if row.kind == "check" and row.blocks]
    assert not (open_checks and after.is_approved)


@given(snapshots())
def test_a_changed_digest_voids_every_review(snapshot: Snapshot) -> None:
    moved = evaluate(replace(snapshot, subject_digest="later"), AT)
    assert moved == evaluate(replace(snapshot, subject_digest="later"), AT)
    assert moved.approvers == ()
    assert moved.state is not VerdictState.REJECTED
    if any(isinstance(rule, ApprovalsRule) and rule.level is Level.HARD for rule in snapshot.rules):
        assert not moved.is_approved


@given(snapshots())
def test_people_with_a_hand_in_it_never_count(snapshot: Snapshot) -> None:
    verdict = evaluate(snapshot, AT)
    assert not snapshot.people["requester"] & set(verdict.approvers)
    for rule in snapshot.rules:
        if isinstance(rule, FourEyesRule):
            assert all(not snapshot.people[role] & set(verdict.approvers) for role in rule.roles)


@given(snapshots())
def test_a_rule_that_raises_refuses(snapshot: Snapshot) -> None:
    broken = FourEyesRule(id="broken", level=Level.HARD, roles=("nobody_knows",))
    verdict = evaluate(replace(snapshot, rules=(*snapshot.rules, broken)), AT)
    assert not verdict.is_approved
    assert verdict.approvers == ()
    assert verdict.rules[-1].status is RuleStatus.FAILED


@given(snapshots())
def test_an_expired_request_is_never_approved(snapshot: Snapshot) -> None:
    assert not evaluate(snapshot, AT + timedelta(days=1)).is_approved


@given(snapshots())
def test_what_blocks_is_said_and_only_that(snapshot: Snapshot) -> None:
    verdict = evaluate(snapshot, AT)
    assert [item["rule"] for item in verdict.blocked_by()] == [row.rule for row in verdict.rules if row.blocks]
    assert all(item["why"] and item["who_can_resolve"] for item in verdict.blocked_by())
    if verdict.state is not VerdictState.REJECTED:
        assert verdict.is_approved == (not verdict.blocked_by())
