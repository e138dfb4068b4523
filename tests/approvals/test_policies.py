"""Policies: one clear line per problem, revisions that stay, one policy that governs."""

from __future__ import annotations

import copy
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from approvals.policy_changes.publish import ensure_default_policies
from audit.actions import Action
from audit.models import Event
from core.actors import system_actor
from core.errors import InvalidInput
from policies.defaults import DEFAULT_POLICIES
from policies.matching import LoadedPolicy, ModelFacts, active_policies, governing_policy
from policies.models import Policy
from policies.parsing import parse_policy
from policies.rules import ApprovalsRule, CheckRule
from tests.approvals.publishing import publish_policy, retire_policy

SYSTEM = system_actor("test")


def body(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(DEFAULT_POLICIES[1]), **changes}


def governs(name: str) -> LoadedPolicy | None:
    return governing_policy(active_policies(), ModelFacts(name), "Production")


def test_the_defaults_parse() -> None:
    staging, production = (parse_policy(item) for item in DEFAULT_POLICIES)
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


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats(),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=12), part, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["name", "applies_to", "rules", "options", "x"]), json))
def test_anything_else_is_refused_in_words(value: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        parse_policy(value)


@given(st.lists(st.dictionaries(st.sampled_from(["id", "level", "check", "with", "approvals", "four_eyes"]), json)))
def test_bad_rules_are_refused_in_words(rules: list[Any]) -> None:
    with pytest.raises(InvalidInput):
        parse_policy(body(rules=rules))


def test_the_defaults_are_published_once(db: None) -> None:
    assert [str(revision) for revision in ensure_default_policies(actor=SYSTEM)] == [
        "staging-default r1",
        "production-default r1",
    ]
    assert ensure_default_policies(actor=SYSTEM) == []
    assert Event.objects.filter(action=Action.APPROVALS_POLICY_PUBLISHED).count() == 2


def test_retired_defaults_do_not_come_back(policies: object) -> None:
    retire_policy("staging-default")
    retire_policy("production-default")
    assert ensure_default_policies(actor=SYSTEM) == []
    assert governs("fraud") is None


def test_off_publishes_nothing(db: None, settings: Settings) -> None:
    settings.DEFAULT_POLICIES = False
    assert ensure_default_policies(actor=SYSTEM) == []
    assert not Policy.objects.exists()


def test_a_change_is_a_new_revision(policies: object) -> None:
    changed = publish_policy(body=body(options={"expires_after": "1d"}))
    assert changed.number == 2
    found = governs("fraud")
    assert found is not None
    assert found.label == "production-default r2"


def test_the_longest_pattern_governs(policies: object) -> None:
    for name, pattern in (("fraud-team", "fraud_*"), ("also", "fraud_*"), ("one", "fraud_detector")):
        publish_policy(body=body(name=name, applies_to={"target": "Production", "models": pattern}))
    governing_policy = {name: governs(name) for name in ("fraud_detector", "fraud_x", "churn", "Fraud_x")}
    assert {name: found and found.body.name for name, found in governing_policy.items()} == {
        "fraud_detector": "one",
        "fraud_x": "also",
        "churn": "production-default",
        "Fraud_x": "production-default",
    }
