"""The differences between two bodies of a policy, and whether they tighten or loosen it."""

from __future__ import annotations

import copy
from typing import Any

from policies.defaults import DEFAULT_POLICIES
from policies.diff import PolicyDiff, diff_policies, diff_text
from policies.parsing import parse_policy

OLD: dict[str, Any] = copy.deepcopy(DEFAULT_POLICIES[1])


def diff(new: dict[str, Any]) -> PolicyDiff:
    return diff_policies(parse_policy(OLD), parse_policy(new))


def with_rules(**replaced: dict[str, Any] | None) -> dict[str, Any]:
    kept = [{**rule, **(replaced.get(rule["id"].replace("-", "_")) or {})} for rule in OLD["rules"]]
    return {**OLD, "rules": [rule for rule in kept if replaced.get(rule["id"].replace("-", "_"), {}) is not None]}


def test_nothing_changed() -> None:
    assert diff(copy.deepcopy(OLD)).is_empty
    assert diff_text(OLD, OLD) == []


def test_rules_that_go_and_come_and_change() -> None:
    new = with_rules(
        card=None, reviewers={"approvals": {"count": 2, "groups": ["reviewers"]}}, digest={"level": "advisory"}
    )
    new["rules"].append({"id": "soak", "soak": {"hours": 24}})
    assert {(change.rule, change.kind, change.effect.value) for change in diff(new).rules} == {
        ("card", "removed", "looser"),
        ("reviewers", "changed", "tighter"),
        ("digest", "changed", "looser"),
        ("soak", "added", "tighter"),
    }


def test_scope_and_options() -> None:
    new = {**OLD, "applies_to": {"target": "Production", "models": "f*", "tags": {"pii": "yes"}}}
    new["options"] = {"expires_after": "7d", "re_review_every": "180d"}
    assert {(change.name, change.before, change.after) for change in diff(new).values} == {
        ("models", "*", "f*"),
        ("tags", "none", "pii=yes"),
        ("expires after", "14 days", "7 days"),
        ("re review", "none", "every 180 days; when due warn"),
    }


def test_a_new_policy_adds_all() -> None:
    found = diff_policies(None, parse_policy(OLD))
    assert found.is_new
    assert {change.kind for change in found.rules} == {"added"}


def test_the_text_says_it_too() -> None:
    lines = diff_text(OLD, {**OLD, "options": {"expires_after": "7d", "rollback_window": "24h"}})
    assert "-  expires_after: 14d" in lines
    assert "+  expires_after: 7d" in lines
