"""What may not be slipped past the policies: another name, other tags, or an alias that reads like a protected one.

Policies find a model by its name and tags. Whoever changes those changes who judges it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from approvals.models import LIVE_STATES, TransitionRequest
from approvals.policies.governance import Governing, ModelFacts, active_policies, governing, model_facts
from approvals.policies.parsing import is_alias
from registry.models import RegisteredModel
from registry.names import name_key
from registry.stages import Stage

_STAGED = (Stage.STAGING.value, Stage.PRODUCTION.value)


def targets_in_use(model: RegisteredModel) -> set[str]:
    """Return where versions of a model are, or are asked to go: stages, aliases, and the targets of live requests."""
    versions = model.versions.filter(deleted_at__isnull=True)
    stages = set(versions.filter(stage__in=_STAGED).values_list("stage", flat=True))
    aliases = {f"@{name}" for name in model.aliases.values_list("name", flat=True)}
    live = TransitionRequest.objects.filter(version__model=model, state__in=LIVE_STATES)
    return stages | aliases | set(live.values_list("target", flat=True))


def moved_by_name(model: RegisteredModel, new_name: str) -> list[str]:
    """Return the targets in use that would be under another policy, or none, if the model had this name."""
    policies = active_policies()
    before = model_facts([model])[model.pk]
    return _moved(policies, before, replace(before, name=new_name), targets_in_use(model))


def _moved(policies: list[Governing], before: ModelFacts, after: ModelFacts, targets: Iterable[str]) -> list[str]:
    return sorted(
        target
        for target in targets
        if _policy_id(governing(policies, before, target)) != _policy_id(governing(policies, after, target))
    )


def _policy_id(policy: Governing | None) -> int | None:
    return policy.revision.policy_id if policy else None


def protected_lookalike(model: RegisteredModel, target: str) -> str:
    """Return the protected alias of this model that an unprotected one reads like (`@Champion`), "" where there is none."""
    if not is_alias(target):
        return ""
    key = name_key(target)
    policies = [policy for policy in active_policies() if is_alias(policy.body.target)]
    same = {policy.body.target for policy in policies if name_key(policy.body.target) == key} - {target}
    if not same:
        return ""
    facts = model_facts([model])[model.pk]
    return next((other for other in sorted(same) if governing(policies, facts, other)), "")
