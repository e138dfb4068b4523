"""Policies on transitions: the stages to which the versions of a model may move. They apply to every move."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from policies.matching import LoadedPolicy, ModelFacts, active_policies, governing_policy, model_facts
from policies.rules import PolicyBody, TransitionsRule
from policies.targets import TRANSITIONS
from registry.models import RegisteredModel
from registry.stages import Stage


def allowed_by(body: PolicyBody) -> Mapping[str, tuple[str, ...]]:
    """Return the stages to which a policy on transitions allows moves, by stage; empty for another policy."""
    return next((rule.allowed for rule in body.rules if isinstance(rule, TransitionsRule)), {})


def transitions_policy(policies: Sequence[LoadedPolicy], model: ModelFacts) -> LoadedPolicy | None:
    """Return the policy on transitions that governs a model; None if every transition is allowed."""
    return governing_policy(policies, model, TRANSITIONS)


def transition_refusal(model: RegisteredModel, source: str, target: str) -> str:
    """Return the reason why a version of the model may not move from one stage to another, "" if it may."""
    policies = [policy for policy in active_policies() if policy.body.target == TRANSITIONS]
    policy = transitions_policy(policies, model_facts([model])[model.pk]) if policies else None
    return refusal_under(policy, source, target)


def refusal_under(policy: LoadedPolicy | None, source: str, target: str) -> str:
    """Return the reason why a policy on transitions does not allow a move; "" if it does, and without a policy."""
    if policy is None or source == target or target not in Stage.values:
        return ""
    allowed = allowed_by(policy.body)
    if not allowed:  # its rule cannot be applied on this server
        return f"This server cannot apply {policy.label}, the policy on transitions."
    if target in allowed.get(source, ()):
        return ""
    targets = ", ".join(stage for stage in allowed.get(source, ()) if stage != source) or "no other stage"
    return f"{policy.label} does not allow {source} → {target}. From {source} it allows {targets}."
