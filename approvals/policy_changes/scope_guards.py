"""Guards against avoiding a policy by a change of the model, or by an alias that looks like a protected one.

Policies select models by name, tags and risk tier, so a change of these can change which policy governs a model.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from accounts.owners import owners_of
from approvals.models import LIVE_STATES, TransitionRequest
from core.actors import Actor
from policies.matching import LoadedPolicy, ModelFacts, active_policies, governing_policy, model_facts
from policies.relaxation import relaxed_targets
from policies.targets import TRANSITIONS, is_alias, leave_target
from registry.models import ModelVersion, PayloadOrigin, RegisteredModel
from registry.names import name_key
from registry.stages import Stage
from tracking.models import Run, RunWriter, Seal

_STAGED = (Stage.STAGING.value, Stage.PRODUCTION.value)


def targets_in_use(model: RegisteredModel) -> set[str]:
    """Return the targets of policies that guard something of a model now: the stages and aliases of its versions, the
    ways out of Production and of the aliases, the transitions of versions in a stage, and the targets of its live
    requests.
    """
    stages = _stages_of(model)
    aliases = _aliases_of(model)
    live = TransitionRequest.objects.filter(version__model=model, state__in=LIVE_STATES)
    transitions = {TRANSITIONS} if stages - {Stage.NONE.value} else set()
    return (
        stages.intersection(_STAGED)
        | aliases
        | _ways_out(stages, aliases)
        | transitions
        | set(live.values_list("target", flat=True))
    )


def _stages_of(model: RegisteredModel) -> set[str]:
    return set(model.versions.filter(deleted_at__isnull=True).values_list("stage", flat=True).distinct().order_by())


def _aliases_of(model: RegisteredModel) -> set[str]:
    return {f"@{name}" for name in model.aliases.values_list("name", flat=True)}


def _ways_out(stages: set[str], aliases: set[str]) -> set[str]:
    """Return the targets of policies on leaving that guard a model; an alias without one has that of Production."""
    places = stages & {Stage.PRODUCTION.value} | aliases
    return {leave_target(place) for place in places} | ({leave_target(Stage.PRODUCTION)} if places else set())


def targets_affected_by_rename(model: RegisteredModel, new_name: str) -> list[str]:
    """Return the targets in use that another policy, or no policy, would govern under the new name; sorted."""
    policies = active_policies()
    before = model_facts([model])[model.pk]
    return _with_another_policy(policies, before, replace(before, name=new_name), targets_in_use(model))


def _with_another_policy(
    policies: list[LoadedPolicy], before: ModelFacts, after: ModelFacts, targets: Iterable[str]
) -> list[str]:
    return sorted(
        target
        for target in targets
        if _policy_id(governing_policy(policies, before, target))
        != _policy_id(governing_policy(policies, after, target))
    )


def _policy_id(policy: LoadedPolicy | None) -> int | None:
    return policy.revision.policy_id if policy else None


def protected_lookalike(model: RegisteredModel, target: str) -> str:
    """Return the protected alias that ``target`` looks like, as `@Champion` looks like `@champion`; "" without one."""
    if not is_alias(target):
        return ""
    key = name_key(target)
    policies = [policy for policy in active_policies() if is_alias(policy.body.target)]
    lookalikes = {policy.body.target for policy in policies if name_key(policy.body.target) == key} - {target}
    if not lookalikes:
        return ""
    facts = model_facts([model])[model.pk]
    return next((alias for alias in sorted(lookalikes) if governing_policy(policies, facts, alias)), "")


def relaxation_refusal(
    actor: Actor,
    model: RegisteredModel,
    *,
    name: str | None = None,
    tags: Mapping[str, str] | None = None,
    tier: str = "",
) -> str:
    """Return the reason why this actor may not give the model this name, these tags or this tier; "" if they may.

    An author cannot relax the policy for their own version. Somebody who made a version of the model, or asked for the
    transition of one, may not change the model so that policies require less of it. Nobody may relax the requirements
    for leaving Production or an alias while a version is there: the person who moves it away need not be involved.
    """
    before = model_facts([model])[model.pk]
    after = replace(
        before,
        name=before.name if name is None else name,
        tags=before.tags if tags is None else tags,
        tier=tier or before.tier,
    )
    targets = relaxed_targets(active_policies(), before, after)
    if not targets:
        return ""
    if left := _ways_out(_stages_of(model), _aliases_of(model)).intersection(targets):
        return (
            f"This would relax the policy of {model.name} on what {', '.join(sorted(left))} while something is there. "
            "Change the policy instead, which takes two people."
        )
    if not _is_involved(actor, model):
        return ""
    return (
        f"This would relax the policy of {model.name} for {', '.join(targets)}, and you are involved in versions of it. "
        "Somebody else who manages the model must make this change."
    )


def _is_involved(actor: Actor, model: RegisteredModel) -> bool:
    """Return whether the actor, or a service account of theirs, is involved in any version of a model.

    Somebody is involved who registered the version or the same bytes, sent files of it, created or logged to its run,
    or requested its transition.
    """
    versions = ModelVersion.objects.filter(model=model)
    runs = versions.values("run_id")
    requests = TransitionRequest.objects.filter(version__model=model)
    senders = Seal.objects.filter(prefix__in=versions.values("artifact_path")).values_list("stored_by", flat=True)
    makers = {
        *versions.values_list("created_by", flat=True).distinct(),
        *versions.filter(copied_from__isnull=False).values_list("copied_from__created_by", flat=True),
        *Run.objects.filter(pk__in=runs).values_list("created_by", flat=True).distinct(),
        *RunWriter.objects.filter(run__in=runs).values_list("name", flat=True).distinct(),
        *(name for names in senders for name in names),
        *PayloadOrigin.objects.filter(version__in=versions, kind=PayloadOrigin.AUTHOR).values_list("name", flat=True),
        *requests.values_list("requester__username", flat=True).distinct(),
    }
    owners = owners_of({*makers, actor.name})
    identities = makers.union(*(owners.get(maker, frozenset()) for maker in makers))
    return not identities.isdisjoint({actor.name, *owners.get(actor.name, ())})
