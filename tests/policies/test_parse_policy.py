"""Parsing a policy: each problem gets a line, whatever is written is parsed or refused, published policies stay
readable.
"""

from __future__ import annotations

import copy
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidInput
from policies.defaults import DEFAULT_POLICIES
from policies.parsing import parse_policy, parse_published
from policies.rules import ApprovalsRule, CheckRule, RuleLevel, UnusableRule


def body(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(DEFAULT_POLICIES[1]), **changes}


def test_the_defaults_parse() -> None:
    staging, production, _ = (parse_policy(item) for item in DEFAULT_POLICIES)
    assert [rule.id for rule in staging.rules] == ["lineage", "digest", "safe-artifact", "data-ok"]
    assert production.options.rollback_window == timedelta(hours=24)
    assert {rule.id for rule in production.rules if isinstance(rule, ApprovalsRule)} == {"reviewers"}
    assert sum(isinstance(rule, CheckRule) for rule in production.rules) == 6


def test_every_problem_gets_a_line() -> None:
    rules = [
        {"id": "A!", "check": "card.complete"},
        {"id": "a", "check": "no.such"},
        {"id": "b", "check": "metric.no_regression", "with": {"tolerance": "much"}},
        {"id": "c", "approvals": {"count": 0, "groups": ["reviewers"]}},
        {"id": "d", "four_eyes": ["passer_by"]},
        {"id": "e"},
        {"id": "f", "level": "harsh", "check": "card.complete"},
        "nonsense",
    ]
    wrong = {
        "name": "X Y",
        "applies_to": {"target": "Moon"},
        "rules": rules,
        "options": {"expires_after": "soon"},
        "more": 1,
    }
    with pytest.raises(InvalidInput) as refused:
        parse_policy(wrong)
    lines = refused.value.message.splitlines()
    assert len(lines) == 12
    assert "rules[3]: metric.no_regression: tolerance must be a number from 0" in lines


@pytest.mark.parametrize(
    ("part", "line"),
    [
        ({"options": {"expires_after": "0d"}}, "options.expires_after: must be greater than zero"),
        ({"options": {"remind_every": "0h"}}, "options.remind_every: must be greater than zero"),
        ({"options": {"apply_delay": "9999d"}}, "options.apply_delay: must be at most 3660 days"),
        (
            {"rules": [{"id": "x", "four_eyes": ["requester"], "applies_if": {"tier": ["high"]}}]},
            "rules[1]: four_eyes is unconditional: remove applies_if and override",
        ),
        (
            {"rules": [{"id": "x", "level": "soft", "check": "card.complete"}]},
            "rules[1]: a soft rule must name the groups that may override it: override: [GROUP, …]",
        ),
        ({"rules": [{"id": "x", "approvals": {}}]}, "rules[1]: approvals must have groups, roles or owners"),
    ],
)
def test_a_problem_says_what_to_do(part: dict[str, Any], line: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_policy(body(**part))
    assert refused.value.message == line


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats(),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=12), part, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["name", "applies_to", "rules", "options", "x"]), json))
def test_other_bodies_are_refused(value: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        parse_policy(value)


@given(st.lists(st.dictionaries(st.sampled_from(["id", "level", "check", "with", "approvals", "four_eyes"]), json)))
def test_invalid_rules_are_refused(rules: list[Any]) -> None:
    with pytest.raises(InvalidInput):
        parse_policy(body(rules=rules))


def test_a_published_rule_that_cannot_be_applied_keeps_its_level_and_groups() -> None:
    rule = {"id": "a", "level": "soft", "override": ["risk"], "check": "no.such"}
    body = {"name": "p", "applies_to": {"target": "Production"}, "rules": [rule, {"id": 3}]}
    found = parse_published(body).rules
    assert [(row.id, row.level, row.override_by) for row in found] == [
        ("a", RuleLevel.SOFT, ("risk",)),
        ("rule-2", RuleLevel.HARD, ()),
    ]
    assert all(isinstance(row, UnusableRule) for row in found)
