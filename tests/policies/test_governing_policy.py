"""One policy governs a move, or none, in whatever order the policies are read."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from policies.matching import LoadedPolicy, ModelFacts, governing_policy, in_scope
from policies.models import Policy, PolicyRevision
from policies.parsing import parse_policy
from registry.risk import TIERS

RULES = [{"id": "a", "check": "card.complete"}]
TAGS = st.dictionaries(st.sampled_from("ab"), st.sampled_from("xy"), max_size=2)
SCOPES: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "target": st.sampled_from(["Staging", "Production", "@champion"]),
        "models": st.sampled_from(["*", "f*", "fraud", "fraud*", "*d", "churn"]),
        "tags": TAGS,
        "tier": st.just(["any"]) | st.lists(st.sampled_from(TIERS), min_size=1, max_size=2),
    }
)
MODELS = st.builds(ModelFacts, st.sampled_from(["fraud", "fraud2", "churn", "x"]), TAGS, st.sampled_from(TIERS))


def published(number: int, scope: dict[str, Any]) -> LoadedPolicy:
    body = {"name": f"p{number}", "applies_to": scope, "rules": RULES}
    return LoadedPolicy(PolicyRevision(policy=Policy(name=f"p{number}"), number=1), parse_policy(body))


@given(st.lists(SCOPES, max_size=6), MODELS, st.sampled_from(["Staging", "Production", "@champion"]), st.randoms())
def test_one_or_none_whatever_the_order(
    scopes: list[dict[str, Any]], model: ModelFacts, target: str, rng: random.Random
) -> None:
    policies = [published(number, scope) for number, scope in enumerate(scopes)]
    found = governing_policy(policies, model, target)
    fitting = [policy for policy in policies if policy.body.target == target and in_scope(policy.body, model)]
    assert (found in fitting) if fitting else (found is None)
    shuffled = rng.sample(policies, len(policies))
    assert governing_policy(shuffled, model, target) is found


@given(st.lists(SCOPES, min_size=1, max_size=6), MODELS)
def test_a_policy_outside_its_scope_changes_nothing(scopes: list[dict[str, Any]], model: ModelFacts) -> None:
    policies = [published(number, scope) for number, scope in enumerate(scopes)]
    outside = [policy for policy in policies if not in_scope(policy.body, model)]
    inside = [policy for policy in policies if in_scope(policy.body, model)]
    assert governing_policy(outside, model, "Production") is None
    assert governing_policy(policies, model, "Production") is governing_policy(inside, model, "Production")
