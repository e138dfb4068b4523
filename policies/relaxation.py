"""Detection of changes of a model's name, tags or tier that relax the policies for the model."""

from __future__ import annotations

from collections.abc import Sequence

from policies.matching import LoadedPolicy, ModelFacts, governing_policy
from policies.parsing import ON_DUE
from policies.request_kinds import merge_rules
from policies.rules import SIGNERS, Condition, Options, PolicyBody, ReReviewOption, Rule


def relaxed_targets(policies: Sequence[LoadedPolicy], before: ModelFacts, after: ModelFacts) -> list[str]:
    """Return the targets for which the policies require less of a model ``after`` a change than ``before``; sorted."""
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
    """Return the rules that can apply to some version of the model, whatever its stage and the version it replaces."""
    return tuple(rule for rule in body.rules if rule.applies_if is None or _may_apply(rule.applies_if, model))


def _may_apply(condition: Condition, model: ModelFacts) -> bool:
    tags = all(model.tags.get(key) == value for key, value in condition.tags.items())
    return tags and (not condition.tiers or model.tier in condition.tiers)


def _is_weaker(new: Options, old: Options) -> bool:
    return (
        new.apply_delay < old.apply_delay
        or new.new_account_window < old.new_account_window
        or (old.e_signature and not new.e_signature)
        or _strength(new.signed_by) < _strength(old.signed_by)
        or _is_weaker_re_review(new.re_review, old.re_review)
        or _is_weaker_rollback(new, old)
        or not set(old.full_validation) <= set(new.full_validation)
        or (new.break_glass is not None and new.break_glass != old.break_glass)
    )


def _strength(signed_by: str | None) -> int:
    """Return the place of a value of `signed_by` in SIGNERS, -1 for none."""
    return SIGNERS.index(signed_by) if signed_by is not None else -1


def _is_weaker_re_review(new: ReReviewOption | None, old: ReReviewOption | None) -> bool:
    if old is None:
        return False
    return new is None or new.every > old.every or ON_DUE.index(new.when_due) < ON_DUE.index(old.when_due)


def _is_weaker_rollback(new: Options, old: Options) -> bool:
    if old.rollback_within is not None and (new.rollback_within is None or new.rollback_within > old.rollback_within):
        return True
    if old.rollback_approvals is None:
        return False
    if new.rollback_approvals is None:
        return True
    return merge_rules((old.rollback_approvals,), (new.rollback_approvals,)) != (new.rollback_approvals,)
