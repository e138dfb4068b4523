"""The rules of an open request when its policy changes: tightening reaches it, loosening does not."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from policies.request_kinds import merge_rules
from policies.rules import ApprovalsRule, CheckRule, Rule, RuleLevel

CARD = CheckRule(id="card", level=RuleLevel.HARD, check="card.complete")
ONE = ApprovalsRule(id="reviewers", level=RuleLevel.HARD, count=1, groups=("reviewers",))
TWO = replace(ONE, count=2)

rules = st.lists(
    st.one_of(
        st.builds(
            CheckRule,
            id=st.sampled_from(["a", "a.new", "b"]),
            level=st.sampled_from(RuleLevel),
            check=st.sampled_from("xy"),
        ),
        st.builds(
            ApprovalsRule,
            id=st.sampled_from("cd"),
            level=st.sampled_from(RuleLevel),
            count=st.integers(1, 3),
            groups=st.sampled_from([("g",), ("h",)]),
        ),
    ),
    unique_by=lambda rule: rule.id,
    max_size=4,
).map(tuple)


def test_the_greater_count_stays() -> None:
    assert merge_rules((ONE,), (TWO,)) == (TWO,)
    assert merge_rules((TWO,), (ONE,)) == (TWO,)


def test_a_new_rule_is_added_and_a_dropped_one_stays() -> None:
    assert merge_rules((CARD,), (ONE,)) == (CARD, ONE)


def test_a_rule_that_says_something_else_stands_beside_the_old() -> None:
    soft = replace(CARD, level=RuleLevel.SOFT, override_by=("risk",))
    assert merge_rules((soft,), (CARD,)) == (soft, replace(CARD, id="card.new"))


def test_a_rule_that_is_called_new_already_keeps_its_name() -> None:
    other = replace(CARD, id="card.new", check="artifact.scan")
    soft = replace(CARD, level=RuleLevel.SOFT, override_by=("risk",))
    assert merge_rules((soft, other), (CARD, other)) == (soft, other, replace(CARD, id="card.new.new"))


@given(rules)
def test_no_change_is_none(found: tuple[Rule, ...]) -> None:
    assert merge_rules(found, found) == found


@given(rules, rules)
def test_everything_asked_before_and_now_is_asked(before: tuple[Rule, ...], now: tuple[Rule, ...]) -> None:
    merged = merge_rules(before, now)
    ids = [rule.id for rule in merged]
    assert len(ids) == len(set(ids))
    for rule in (*before, *now):
        assert any(_at_least(found, rule) for found in merged)


def _at_least(found: Rule, asked: Rule) -> bool:
    """Return whether one rule asks for all that another asks for, whatever it is called."""
    if isinstance(found, ApprovalsRule) and isinstance(asked, ApprovalsRule) and found.count >= asked.count:
        found = replace(found, count=asked.count)
    return replace(found, id=asked.id) == asked
