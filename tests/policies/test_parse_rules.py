"""Parsing the rules of a policy: each value that a rule cannot have is refused with its place and what to write."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from core.errors import InvalidInput
from policies.defaults import DEFAULT_POLICIES
from policies.parsing import MAX_RULES, parse_policy
from policies.rules import AttestedRule, FindingsRule, FreezeRule, ReasonRule, Severity, SoakRule
from policies.windows import parse_window

TRANSITIONS = {
    "None": ["Staging", "Archived"],
    "Staging": ["Production"],
    "Production": ["Archived"],
    "Archived": [],
}


def policy(*rules: Any, **changes: Any) -> dict[str, Any]:
    """Return the default policy of Production with these rules."""
    return {**copy.deepcopy(DEFAULT_POLICIES[1]), "options": {}, "rules": list(rules), **changes}


def refusal(body: dict[str, Any]) -> str:
    with pytest.raises(InvalidInput) as refused:
        parse_policy(body)
    return refused.value.message


@pytest.mark.parametrize(
    ("part", "says"),
    [
        ({"check": "card.complete", "extra": 1}, "unknown key 'extra'"),
        ({"check": "card.complete", "with": []}, "'with' must be a mapping of parameters"),
        ({"reason": "required", "with": {}}, "only a check can have 'with'"),
        ({"check": "card.complete", "override": ["risk"]}, "only a soft rule can be overridden"),
        ({"check": "card.complete", "level": "soft", "override": []}, "override must be a list of names"),
        (
            {"check": "card.complete", "level": "soft", "override": [f"group-{n}" for n in range(101)]},
            "override must have at most 100 entries",
        ),
        ({"check": "card.complete", "applies_if": {}}, "applies_if must not be empty: remove it"),
        ({"check": "card.complete", "applies_if": {"incumbent": 1}}, "applies_if.incumbent must be true or false"),
        (
            {"check": "card.complete", "applies_if": {"tier": ["huge"]}},
            "applies_if.tier must not have 'huge' (known: minimal, limited, high, unacceptable)",
        ),
        (
            {"check": "card.complete", "applies_if": {"size": "big"}},
            "applies_if has the unknown key 'size' (known: tier, tags, from, incumbent, deployed)",
        ),
        ({"check": "card.complete", "applies_if": {"tags": {"pii": 1}}}, "applies_if.tags must map tags to strings"),
        (
            {"check": "card.complete", "applies_if": {"tags": {f"t{n}": "" for n in range(101)}}},
            "applies_if.tags must have at most 100 entries",
        ),
        ({"approvals": 2}, "approvals must be a mapping (count, groups, roles, owners, distinct_groups, carry_over)"),
        (
            {"approvals": {"groups": ["reviewers"], "distinct_groups": "yes"}},
            "approvals.distinct_groups must be true or false",
        ),
        ({"approvals": {"owners": []}}, "approvals.owners must be a list of {models, users}"),
        ({"approvals": {"owners": [{"models": "", "users": ["ada"]}]}}, "models must be a pattern such as fraud_*"),
        ({"approvals": {"owners": [{"models": "fraud_*"}]}}, "users must be a list of names"),
        ({"soak": {"in": "Archived", "hours": 1}}, "soak.in must be Staging or Production"),
        ({"soak": {"hours": True}}, "soak.hours must be a number of hours"),
        ({"not_during": []}, "not_during must be a list of {name, from, to}"),
        ({"not_during": [{"from": "mon", "to": "tue"}]}, "a window must have a name"),
        ({"not_during": [{"name": "w", "from": 1, "to": "tue"}]}, "the window 'w' must have from and to, as strings"),
        ({"no_findings": {"severity": "awful"}}, "no_findings.severity must be low, medium, high, critical"),
        ({"reason": "please"}, "reason must be: required"),
        ({"attested": {"within": "a year"}}, "attested.within must be a duration such as 14d, 24h or 30m"),
    ],
)
def test_a_value_that_a_rule_cannot_have_is_refused(part: dict[str, Any], says: str) -> None:
    assert refusal(policy({"id": "x", **part})) == f"rules[1]: {says}"


def test_two_rules_with_one_id_are_refused() -> None:
    rule = {"id": "x", "reason": "required"}
    assert refusal(policy(rule, rule)) == "rules[2]: the id x is used by an earlier rule"


def test_too_many_rules_are_refused() -> None:
    rules = ({"id": f"r{n}", "reason": "required"} for n in range(MAX_RULES + 1))
    assert refusal(policy(*rules)) == f"rules: must be at most {MAX_RULES} rules"


def test_values_of_rules_are_parsed() -> None:
    found = parse_policy(
        policy(
            {"id": "soak", "soak": {"in": "Production", "hours": 1.5}},
            {"id": "freeze", "not_during": [{"name": "holidays", "from": "12-20", "to": "01-03"}]},
            {"id": "findings", "no_findings": {}},
            {"id": "why", "reason": "required"},
            {"id": "attested", "attested": {"within": "90d"}},
        )
    ).rules
    soak, freeze, findings, why, attested = found
    assert isinstance(soak, SoakRule)
    assert (soak.stage, soak.time.total_seconds()) == ("Production", 5400)
    assert isinstance(freeze, FreezeRule)
    assert freeze.windows == (parse_window("holidays", "12-20", "01-03"),)
    assert isinstance(findings, FindingsRule)
    assert findings.severity is Severity.HIGH
    assert isinstance(why, ReasonRule)
    assert isinstance(attested, AttestedRule)
    assert attested.within.days == 90


def transitions(**changes: Any) -> dict[str, Any]:
    return policy(
        {"id": "x", "transitions": {**TRANSITIONS, **changes}}, name="moves", applies_to={"target": "transitions"}
    )


def test_the_transitions_of_a_policy_are_parsed() -> None:
    assert parse_policy(transitions()).rules[0].id == "x"


def test_production_must_lead_to_archived() -> None:
    says = "rules[1]: transitions.Production must have Archived: superseded versions are archived"
    assert refusal(transitions(Production=["Staging"])).splitlines()[0] == says


def test_a_soft_rule_on_transitions_is_refused() -> None:
    body = transitions()
    body["rules"][0]["level"] = "advisory"
    assert "rules[1]: transitions is hard and unconditional" in refusal(body).splitlines()


def test_a_policy_on_transitions_has_nothing_else() -> None:
    body = {**transitions(), "rules": [{"id": "why", "reason": "required"}]}
    assert refusal(body) == "rules: a policy with the target transitions must have one rule: transitions"


def test_a_rule_on_transitions_elsewhere_is_refused() -> None:
    says = "rules: a rule on transitions needs the target transitions"
    assert refusal(policy({"id": "x", "transitions": TRANSITIONS})) == says


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"description": 3}, "description: must be a string of at most"),
        ({"rules": []}, "rules: must be a list with at least one rule"),
        ({"options": []}, "options: must be a mapping"),
        ({"options": {"colour": "red"}}, "options.colour: unknown key (known: "),
        ({"options": {"e_signature": "yes"}}, "options.e_signature: "),
        ({"options": {"full_validation": ["gone"]}}, "options.full_validation: names no rule of this policy: gone"),
        ({"applies_to": {"target": "Staging", "leaves": "Production"}}, "applies_to: must have target or leaves"),
        ({"applies_to": {"leaves": "Moon"}}, "applies_to.leaves: must be Production or an alias such as @champion"),
    ],
)
def test_a_value_that_a_policy_cannot_have_is_refused(changes: dict[str, Any], says: str) -> None:
    assert refusal(policy({"id": "x", "reason": "required"}, **changes)).startswith(says)
