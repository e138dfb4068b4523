"""Detection of changes of name, tags or tier that relax the requirements of policies for a model."""

from __future__ import annotations

from collections.abc import Sequence

from policies.matching import LoadedPolicy, ModelFacts, governing_policy
from policies.request_kinds import merge_rules
from policies.rules import Condition, Options, PolicyBody, Rule


def relaxed_targets(policies: Sequence[LoadedPolicy], before: ModelFacts, after: ModelFacts) -> list[str]:
    """Return the targets at which the policies require less of the model ``after`` a change than ``before``."""
    targets = {policy.body.target for policy in policies}
    return sorted(
        target
        for target in targets
        if _is_relaxed(
            governing_policy(policies, before, target), before, governing_policy(policies, after, target), after
        )
    )


def _is_relaxed(old: LoadedPolicy | None, before: ModelFacts, new: LoadedPolicy | None, after: ModelFacts) -> bool:
    if old is None:
        return False
    if new is None:
        return True
    new_rules = _rules_for(new.body, after)
    merged = merge_rules(_rules_for(old.body, before), new_rules)
    return any(rule not in new_rules for rule in merged) or _is_weaker(new.body.options, old.body.options)


def _rules_for(body: PolicyBody, model: ModelFacts) -> tuple[Rule, ...]:
    """Return the rules that may apply to some version of the model, for any stage and any replaced version."""
    return tuple(rule for rule in body.rules if rule.applies_if is None or _may_apply(rule.applies_if, model))


def _may_apply(condition: Condition, model: ModelFacts) -> bool:
    tags = all(model.tags.get(key) == value for key, value in condition.tags.items())
    return tags and (not condition.tiers or model.tier in condition.tiers)


def _is_weaker(new: Options, old: Options) -> bool:
    return (
        new.apply_delay < old.apply_delay
        or (old.e_signature and not new.e_signature)
        or (old.re_review is not None and new.re_review is None)
        or (old.rollback_approvals is not None and new.rollback_approvals is None)
        or not set(old.full_validation) <= set(new.full_validation)
        or (new.break_glass is not None and new.break_glass != old.break_glass)
    )
