"""Allowed transitions: which stages may follow which, for a model. Every interface asks this of every move."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from policies.matching import LoadedPolicy, ModelFacts, active_policies, governing_policy, model_facts
from policies.rules import PolicyBody, TransitionsRule
from policies.targets import TRANSITIONS
from registry.models import RegisteredModel
from registry.stages import Stage


def allowed_by(body: PolicyBody) -> Mapping[str, tuple[str, ...]]:
    """Return the stages that a policy on transitions allows after each stage; empty for another policy."""
    return next((rule.allowed for rule in body.rules if isinstance(rule, TransitionsRule)), {})


def transitions_policy(policies: Sequence[LoadedPolicy], model: ModelFacts) -> LoadedPolicy | None:
    """Return the policy that says which transitions of a model exist, None where all do."""
    return governing_policy(policies, model, TRANSITIONS)


def transition_refusal(model: RegisteredModel, source: str, target: str) -> str:
    """Return the reason why a version of the model may not go from one stage to another, "" where it may."""
    policies = [policy for policy in active_policies() if policy.body.target == TRANSITIONS]
    policy = transitions_policy(policies, model_facts([model])[model.pk]) if policies else None
    return refusal_under(policy, source, target)


def refusal_under(policy: LoadedPolicy | None, source: str, target: str) -> str:
    """Return the reason why a policy on transitions does not allow a move between two stages, "" where it does, or is
    None.
    """
    if policy is None or source == target or target not in Stage.values:
        return ""
    allowed = allowed_by(policy.body)
    if not allowed:  # its rule cannot be applied on this server
        return f"This server cannot apply {policy.label}, which says what transitions there are."
    if target in allowed.get(source, ()):
        return ""
    after = ", ".join(stage for stage in allowed.get(source, ()) if stage != source) or "nothing"
    return f"{policy.label} does not allow {source} → {target}: after {source} comes {after}."
