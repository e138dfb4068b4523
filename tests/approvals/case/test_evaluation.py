"""The laws of the evaluator, over many generated snapshots."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from approvals.verdict.evaluation import VerdictState, evaluate
from approvals.verdict.facts import CheckFacts, FindingFacts, OverrideFacts, ReviewFacts, Snapshot
from approvals.verdict.rule_outcomes import RuleStatus
from approvals.verdict.votes import counting_approvals, covers, excluded_people, voting_rights
from policies.rule_parsing import FOUR_EYES_ROLES
from policies.rules import (
    CARRYABLE,
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

AT = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
PEOPLE = ["ada", "bea", "cy", "dee"]
GROUPS = ["reviewers", "risk", "legal"]
ROLES = FOUR_EYES_ROLES
PARTS = ["card", "incumbent", "artifact", "check:card.complete:r0", "check:metric.no_regression:r1"]

levels = st.sampled_from(RuleLevel)
names = st.sets(st.sampled_from(PEOPLE), max_size=2).map(frozenset)
groups = st.sets(st.sampled_from(GROUPS)).map(frozenset)
some_groups = st.sets(st.sampled_from(GROUPS), min_size=1).map(tuple)
moments = st.integers(0, 3).map(lambda hours: AT - hours * HOUR)
conditions = st.none() | st.builds(
    Condition,
    tiers=st.sampled_from([(), ("high",), ("low", "high")]),
    sources=st.sampled_from([(), ("Staging",)]),
    incumbent=st.sampled_from([None, True, False]),
)


def rules_of(count: int) -> st.SearchStrategy[Rule]:
    """Return a rule of any kind, named by its place."""
    common: dict[str, Any] = {"id": st.just(f"r{count}"), "level": levels}
    more: dict[str, Any] = common | {"applies_if": conditions, "override_by": some_groups}
    roles = st.sets(st.sampled_from(ROLES), min_size=1).map(tuple)
    owners = st.sampled_from([(), (Owners("fraud*", ("bea",)),), (Owners("other", ("cy",)),)])
    return st.one_of(
        st.builds(CheckRule, **more, check=st.just("card.complete")),
        st.builds(
            ApprovalsRule,
            **more,
            count=st.integers(1, 3),
            groups=some_groups,
            roles=st.sampled_from([(), ("manage",), ("manage", "manage_staging")]),
            owners=owners,
            distinct_groups=st.booleans(),
            carry_over=st.sets(st.sampled_from(CARRYABLE)).map(tuple),
        ),
        st.builds(FourEyesRule, **common, roles=roles),
        st.builds(SoakRule, **more, stage=st.just("Staging"), time=st.integers(0, 3).map(lambda hours: hours * HOUR)),
        st.builds(FreezeRule, **more, windows=st.just((Window("new year", "12-31", "01-01"),)) | st.just(())),
        st.builds(FindingsRule, **more, severity=st.sampled_from(Severity)),
        st.builds(EarlierApprovalRule, **more, within=st.none() | st.just(HOUR)),
    )


parts = st.dictionaries(st.sampled_from(PARTS), st.sampled_from(["1", "2"]))
reviews = st.builds(
    ReviewFacts,
    reviewer=st.sampled_from(PEOPLE),
    groups=groups,
    decision=st.sampled_from(["approve", "approve", "approve", "reject", "request_changes"]),
    digest=st.sampled_from(["now", "before"]),
    at=moments,
    can_decide=st.booleans(),
    roles=st.sets(st.sampled_from(["manage", "manage_staging"])).map(frozenset),
    on_behalf_of=st.sampled_from(["", "", *PEOPLE]),
    parts=parts,
    signed=st.booleans(),
    by_passkey=st.booleans(),
)
overrides = st.builds(
    OverrideFacts,
    rule=st.sampled_from(["r0", "r1", "r2"]),
    by=st.sampled_from(PEOPLE),
    groups=groups,
    reason=st.just("Known."),
    digest=st.sampled_from(["now", "before"]),
    at=moments,
    can_decide=st.booleans(),
    signed=st.booleans(),
    by_passkey=st.booleans(),
)
findings = st.builds(
    FindingFacts,
    finding_id=st.integers(1, 9),
    severity=st.sampled_from(Severity),
    title=st.just("Drifts"),
    owner=st.sampled_from(["", "ada"]),
    since=moments,
)
checks = st.builds(
    CheckFacts,
    state=st.sampled_from(["queued", "running", "passed", "failed", "error"]),
    summary=st.just(""),
    since=st.just(AT),
)


# Strategies are made once: a draw that makes them costs several times the evaluation.
RULES = tuple(rules_of(place) for place in range(4))
SNAPSHOT: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "reviews": st.lists(reviews, max_size=5).map(tuple),
        "people": st.fixed_dictionaries(dict.fromkeys(ROLES, names)),
        "overrides": st.lists(overrides, max_size=3).map(tuple),
        "findings": st.lists(findings, max_size=2).map(tuple),
        "parts": parts,
        "tier": st.sampled_from(["low", "high"]),
        "source": st.sampled_from(["None", "Staging"]),
        "has_incumbent": st.booleans(),
        "staged_since": st.just({}) | moments.map(lambda at: {"Staging": at}),
        "left_target_at": st.none() | moments,
        "e_signature": st.booleans(),
        "needs_passkey": st.booleans(),
    }
)
number_of_rules = st.integers(1, 4)
maybe_checks = st.none() | checks


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    rules = tuple(draw(rule) for rule in RULES[: draw(number_of_rules)])
    found = {rule.id: draw(maybe_checks) for rule in rules if isinstance(rule, CheckRule)}
    return Snapshot(
        rules=rules,
        checks={rule: check for rule, check in found.items() if check is not None},
        subject_digest="now",
        opened_at=AT,
        expires_at=AT + timedelta(days=1),
        model_name="fraud",
        **draw(SNAPSHOT),
    )


@given(snapshots(), st.lists(reviews, min_size=2, max_size=2), st.randoms())
def test_two_reviews_of_one_person_at_one_moment(snapshot: Snapshot, pair: list[ReviewFacts], chance: Random) -> None:
    both = [replace(review, reviewer="ada", at=AT, digest="now") for review in pair]
    snapshot = replace(snapshot, reviews=(*snapshot.reviews, *both))
    mixed = list(snapshot.reviews)
    chance.shuffle(mixed)
    assert evaluate(replace(snapshot, reviews=tuple(mixed)), AT) == evaluate(snapshot, AT)


@given(snapshots(), st.randoms())
def test_the_order_of_reviews_is_irrelevant(snapshot: Snapshot, chance: Random) -> None:
    mixed = list(snapshot.reviews)
    chance.shuffle(mixed)
    assert evaluate(replace(snapshot, reviews=tuple(mixed)), AT) == evaluate(snapshot, AT)


@given(snapshots(), st.randoms())
def test_the_order_of_overrides_and_findings_is_irrelevant(snapshot: Snapshot, chance: Random) -> None:
    given_, found = list(snapshot.overrides), list(snapshot.findings)
    chance.shuffle(given_)
    assert evaluate(replace(snapshot, overrides=tuple(given_)), AT) == evaluate(snapshot, AT)
    chance.shuffle(found)
    state = evaluate(replace(snapshot, findings=tuple(found)), AT).state
    assert state == evaluate(snapshot, AT).state


def newest(snapshot: Snapshot, review: ReviewFacts) -> ReviewFacts:
    """Return an approval as it comes in: of the present state, after all others,
    by somebody who lends from nobody new.
    """
    return replace(review, decision="approve", digest="now", at=AT + HOUR, parts=snapshot.parts)


@given(snapshots(), reviews)
def test_another_approval_never_blocks(snapshot: Snapshot, review: ReviewFacts) -> None:
    """By somebody new: whoever decides again replaces their own word, and may take their standing elsewhere."""
    known = {name for row in snapshot.reviews for name in (row.reviewer, row.authority)}
    approval = replace(newest(snapshot, review), reviewer="eve", on_behalf_of="")
    assert "eve" not in known
    before = evaluate(snapshot, AT)
    after = evaluate(replace(snapshot, reviews=(*snapshot.reviews, approval)), AT)
    if before.is_approved:
        assert after.is_approved
    assert {row.rule for row in after.rules if row.blocks} <= {row.rule for row in before.rules if row.blocks}


@given(snapshots(), reviews)
def test_approving_again_never_blocks(snapshot: Snapshot, review: ReviewFacts) -> None:
    approval = newest(snapshot, replace(review, on_behalf_of="", signed=True))
    own = tuple(row for row in snapshot.reviews if approval.reviewer not in (row.reviewer, row.on_behalf_of))
    before = evaluate(replace(snapshot, reviews=own), AT)
    after = evaluate(replace(snapshot, reviews=(*own, approval)), AT)
    assert {row.rule for row in after.rules if row.blocks} <= {row.rule for row in before.rules if row.blocks}


@given(snapshots(), overrides)
def test_another_override_never_blocks(snapshot: Snapshot, override: OverrideFacts) -> None:
    before = evaluate(snapshot, AT)
    after = evaluate(replace(snapshot, overrides=(*snapshot.overrides, override)), AT)
    assert {row.rule for row in after.rules if row.blocks} <= {row.rule for row in before.rules if row.blocks}
    hard = {row.rule for row in before.rules if row.blocks and row.level is RuleLevel.HARD}
    assert hard <= {row.rule for row in after.rules if row.blocks}


@given(snapshots())
def test_changes_asked_for_block_until_the_same_person_decides_again(snapshot: Snapshot) -> None:
    asking = ReviewFacts("dee", frozenset({"risk"}), "request_changes", "now", AT + HOUR, parts=snapshot.parts)
    asked = replace(snapshot, reviews=(*snapshot.reviews, asking))
    assert "changes" in {row["rule"] for row in evaluate(asked, AT).blocked_by()}
    again = replace(asking, decision="approve", at=AT + 2 * HOUR)
    last = evaluate(replace(asked, reviews=(*asked.reviews, again)), AT)
    assert "dee asked" not in " ".join(row.why for row in last.rules if row.rule == "changes")


@given(snapshots())
def test_nobody_votes_twice(snapshot: Snapshot) -> None:
    for rule in snapshot.rules:
        if isinstance(rule, ApprovalsRule):
            votes = counting_approvals(rule, snapshot, excluded_people(snapshot.rules, snapshot.people))
            names_used = [name for vote in votes for name in {vote.reviewer, vote.authority}]
            assert len(names_used) == len(set(names_used))


@given(snapshots())
def test_distinct_groups_count_the_most_approvals_possible(snapshot: Snapshot) -> None:
    excluded = excluded_people(snapshot.rules, snapshot.people)
    for rule in snapshot.rules:
        if isinstance(rule, ApprovalsRule) and rule.distinct_groups:
            voters = counting_approvals(replace(rule, distinct_groups=False), snapshot, excluded)
            seats = [voting_rights(rule, vote, snapshot.model_name) for vote in voters]
            assert len(counting_approvals(rule, snapshot, excluded)) == most_seats(seats)


def most_seats(seats: list[frozenset[str]]) -> int:
    """Return the size of a maximum matching, by trying everything."""
    if not seats:
        return 0
    first, rest = seats[0], seats[1:]
    taken = [1 + most_seats([seat - {group} for seat in rest]) for group in first]
    return max([most_seats(rest), *taken])


@given(snapshots())
def test_unsigned_reviews_do_not_count_where_signatures_are_required(snapshot: Snapshot) -> None:
    unsigned = tuple(replace(review, signed=False) for review in snapshot.reviews)
    let_be = tuple(replace(override, signed=False) for override in snapshot.overrides)
    verdict = evaluate(replace(snapshot, reviews=unsigned, overrides=let_be, e_signature=True), AT)
    assert verdict.approvers == ()
    assert not [row for row in verdict.rules if row.status is RuleStatus.OVERRIDDEN]


@given(snapshots())
def test_decisions_without_a_passkey_do_not_count_where_it_is_required(snapshot: Snapshot) -> None:
    unsigned = tuple(replace(review, by_passkey=False) for review in snapshot.reviews)
    let_be = tuple(replace(override, by_passkey=False) for override in snapshot.overrides)
    verdict = evaluate(replace(snapshot, reviews=unsigned, overrides=let_be, needs_passkey=True), AT)
    assert verdict.approvers == ()
    assert not [row for row in verdict.rules if row.status is RuleStatus.OVERRIDDEN]


@given(snapshots(), st.lists(reviews, max_size=9))
def test_approvals_alone_never_pass_a_check(snapshot: Snapshot, more: list[ReviewFacts]) -> None:
    approvals = tuple(replace(review, decision="approve") for review in more)
    after = evaluate(replace(snapshot, reviews=snapshot.reviews + approvals), AT)
    open_checks = [row for row in evaluate(snapshot, AT).rules if row.kind == "check" and row.blocks]
    assert not (open_checks and after.is_approved)


def without_carry(rule: Rule) -> Rule:
    return replace(rule, carry_over=(), applies_if=None) if isinstance(rule, ApprovalsRule) else rule


@given(snapshots())
def test_a_changed_digest_voids_every_review_and_override(snapshot: Snapshot) -> None:
    rules = tuple(without_carry(rule) for rule in snapshot.rules)
    moved = evaluate(replace(snapshot, rules=rules, subject_digest="later"), AT)
    assert moved.approvers == ()
    assert moved.state is not VerdictState.REJECTED
    assert not [row for row in moved.rules if row.status is RuleStatus.OVERRIDDEN]
    if any(isinstance(rule, ApprovalsRule) and rule.level is not RuleLevel.ADVISORY for rule in rules):
        assert not moved.is_approved


@given(snapshots(), reviews)
def test_a_review_is_carried_over_the_named_parts_alone(snapshot: Snapshot, review: ReviewFacts) -> None:
    snapshot = replace(snapshot, parts={"artifact": "a", "card": "c", "policy": "p", **snapshot.parts})  # as all have
    then = replace(review, digest="then", parts={**snapshot.parts, "artifact": "other"})
    assert not covers(then, snapshot, CARRYABLE)
    carded = replace(review, digest="then", parts={**snapshot.parts, "card": "other"})
    assert covers(carded, snapshot, ("card",))
    assert not covers(carded, snapshot, ("incumbent", "checks"))


@given(snapshots())
def test_excluded_people_never_count(snapshot: Snapshot) -> None:
    verdict = evaluate(snapshot, AT)
    assert not snapshot.people["requester"] & set(verdict.approvers)
    for rule in snapshot.rules:
        if isinstance(rule, FourEyesRule):
            assert all(not snapshot.people[role] & set(verdict.approvers) for role in rule.roles)


@given(snapshots())
def test_a_rule_that_raises_an_exception_fails(snapshot: Snapshot) -> None:
    broken = FourEyesRule(id="broken", level=RuleLevel.HARD, roles=("nobody_knows",))
    verdict = evaluate(replace(snapshot, rules=(*snapshot.rules, broken)), AT)
    assert not verdict.is_approved
    assert verdict.approvers == ()
    assert verdict.rules[-1].status is RuleStatus.FAILED


@given(snapshots())
def test_an_expired_request_is_never_approved(snapshot: Snapshot) -> None:
    assert not evaluate(snapshot, AT + timedelta(days=1)).is_approved


@given(snapshots())
def test_blocked_by_lists_the_blocking_rules_and_no_others(snapshot: Snapshot) -> None:
    verdict = evaluate(snapshot, AT)
    assert [item["rule"] for item in verdict.blocked_by()] == [row.rule for row in verdict.rules if row.blocks]
    assert all(item["why"] and item["who_can_resolve"] for item in verdict.blocked_by())
    if verdict.state is not VerdictState.REJECTED:
        assert verdict.is_approved == (not verdict.blocked_by())
