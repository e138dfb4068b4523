"""The published schema accepts whatever the parser accepts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as effort
from jsonschema import Draft202012Validator

from policies.defaults import DEFAULT_POLICIES
from policies.parsing import problems_of
from policies.schema import policy_schema
from tests.architecture.source import ROOT
from tests.policies.bodies import bodies, spoilt

VALIDATOR = Draft202012Validator(policy_schema())
RULE = {"id": "a", "check": "card.complete"}


def with_rule(**rule: Any) -> dict[str, Any]:
    return {"name": "x", "applies_to": {"target": "Production"}, "rules": [{"id": "a", **rule}]}


def test_it_is_a_schema_and_the_defaults_fit() -> None:
    Draft202012Validator.check_schema(policy_schema())
    assert [list(VALIDATOR.iter_errors(body)) for body in DEFAULT_POLICIES] == [[]] * len(DEFAULT_POLICIES)


@given(bodies | spoilt())
@effort(max_examples=300)
def test_what_the_parser_takes_the_schema_takes(body: dict[str, Any]) -> None:
    if not problems_of(body):
        assert [error.message for error in VALIDATOR.iter_errors(body)] == []


def test_most_drawn_bodies_are_sound() -> None:
    """Or the test above would prove nothing."""
    sound: list[bool] = []

    @given(bodies)
    @effort(max_examples=100, database=None)
    def count(body: dict[str, Any]) -> None:
        sound.append(not problems_of(body))

    count()
    assert sum(sound) > len(sound) / 4


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "x"},
        {**DEFAULT_POLICIES[0], "name": "X Y"},
        {**DEFAULT_POLICIES[0], "more": 1},
        {**DEFAULT_POLICIES[0], "rules": []},
        {**DEFAULT_POLICIES[0], "options": {"expires_after": "soon"}},
        {**DEFAULT_POLICIES[0], "options": {"break_glass": {}}},
        {**DEFAULT_POLICIES[0], "applies_to": {"target": "Moon"}},
        {**DEFAULT_POLICIES[0], "applies_to": {"target": "Production", "tier": ["huge"]}},
        with_rule(),
        with_rule(check="no.such"),
        with_rule(check="card.complete", soak={"hours": 1}),
        with_rule(check="card.complete", level="soft"),
        with_rule(check="card.complete", override=["x"]),
        with_rule(soak={"hours": 0}),
        with_rule(soak={"hours": 1}, **{"with": {}}),
        with_rule(approvals={"count": 1}),
        with_rule(approvals={"count": 21, "groups": ["a"]}),
        with_rule(four_eyes=["passer_by"]),
        with_rule(four_eyes=["requester"], level="soft", override=["a"]),
        with_rule(four_eyes=["requester"], applies_if={"tier": ["high"]}),
        with_rule(not_during=[{"name": "x", "from": "12-20"}]),
        with_rule(no_findings={"severity": "awful"}),
        with_rule(check="card.complete", applies_if={}),
    ],
)
def test_both_refuse(body: dict[str, Any]) -> None:
    assert problems_of(body)
    assert list(VALIDATOR.iter_errors(body))


def test_the_published_file_is_this_schema() -> None:
    """`manage.py policy schema > docs/policy.schema.json` writes it anew."""
    assert json.loads((ROOT / "docs" / "policy.schema.json").read_text(encoding="utf-8")) == policy_schema()
