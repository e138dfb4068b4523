"""Rights of a person or a group, with the source of each: levels on models and experiments, and rights to decide."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth.models import Group
from django.db.models import Q

from accounts.models import User
from accounts.principals import PrincipalKind
from approvals.permissions.policy_people import EDITORS
from approvals.permissions.policy_people import REVIEWERS as POLICY_REVIEWERS
from approvals.permissions.reviews import delegations_in_force
from audit.subjects import AUDITORS
from console.shell.first_rows import FirstRows
from console.shell.formatting import exact
from core.actors import Actor
from core.errors import InvalidState
from policies.matching import LoadedPolicy, active_policies
from policies.rules import ApprovalsRule
from policies.targets import left_by, target_text
from registry.permissions import Grant, granted_to, visible_models
from tracking.models import ExperimentGrant, ExperimentLevel, PatternGrant
from tracking.permissions.levels import visible_experiments
from webhooks.permissions import OPERATORS

_SHOWN = 100
# Rights that members of the built-in groups have, besides those that policies give.
GROUP_RIGHTS = {
    AUDITORS: "Read and export the whole audit log",
    OPERATORS: "Create webhooks for every model, and reach receivers on the private network",
    EDITORS: "Propose changes of policies",
    POLICY_REVIEWERS: "Decide on proposed changes of policies",
}


@dataclass(frozen=True, slots=True)
class Right:
    """A right of a person. ``why`` is its source. ``policy`` and ``group`` give it, "" for none."""

    decision: str
    why: str
    policy: str = ""
    policy_id: int = 0
    group: str = ""


@dataclass(frozen=True, slots=True)
class LevelRow:
    """A level on one model, one experiment, or experiments by a pattern. ``why`` says to whom it was given."""

    name: str
    level: str
    why: str
    experiment_id: int | None = None


def rights_of_groups(names: Iterable[str]) -> list[Right]:
    """Return the rights of members of these groups: those of built-in groups, and those that policies in force give."""
    return rights_by_groups(sorted(set(names)), readable_policies())


def rights_of(person: User, groups: Iterable[str]) -> list[Right]:
    """Return the decisions that a person may take, with the reasons; a fixed number of queries."""
    policies = readable_policies()
    rights = rights_by_groups(sorted(set(groups)), policies)
    if person.is_superuser:
        rights.insert(0, Right("Do everything except approve: requests still need reviewers", "superuser"))
    rights += [right for policy in policies for right in rights_by_name(policy, person.username)]
    for row in delegations_in_force().filter(delegate=person).select_related("delegator").order_by("pk"):
        decision = f"Decide in place of {row.delegator} on {row.models_pattern}"
        rights.append(Right(decision, f"delegated until {exact(row.ends_at)}"))
    return rights


def readable_policies() -> list[LoadedPolicy]:
    """Return the policies in force, none where this server cannot read one of them: it then refuses every move."""
    try:
        return active_policies()
    except InvalidState:
        return []


def rights_by_groups(names: Sequence[str], policies: Iterable[LoadedPolicy]) -> list[Right]:
    """Return the rights of members of these groups, given by these policies or built in."""
    fixed = [Right(GROUP_RIGHTS[name], f"member of {name}", group=name) for name in names if name in GROUP_RIGHTS]
    return fixed + [right for policy in policies for right in _by_groups(policy, set(names))]


def _name_and_id(policy: LoadedPolicy) -> tuple[str, int]:
    return policy.body.name, policy.revision.policy_id


def rights_by_name(policy: LoadedPolicy, username: str) -> Iterator[Right]:
    """Yield the rights of a person whom a policy names as an owner."""
    for rule in policy.body.rules:
        for owners in rule.owners if isinstance(rule, ApprovalsRule) else ():
            if username in owners.users:
                decision = f"Approve {moves_of(policy.body.target)} of {owners.models}"
                yield Right(decision, "named as owner", *_name_and_id(policy))


def moves_of(target: str) -> str:
    """Return the moves that a policy with this target governs, as a phrase."""
    left_target = left_by(target)
    return f"moves out of {left_target}" if left_target else f"moves to {target_text(target)}"


def _by_groups(policy: LoadedPolicy, groups: set[str]) -> Iterator[Right]:
    body = policy.body
    moves = f"{moves_of(body.target)} of {body.models}"
    for rule in body.rules:
        if isinstance(rule, ApprovalsRule):
            for name in sorted(groups & set(rule.groups)):
                yield Right(f"Approve {moves}", f"member of {name}", *_name_and_id(policy), name)
        for name in sorted(groups & set(rule.override_by)):
            yield Right(f"Override the rule {rule.id} for {moves}", f"member of {name}", *_name_and_id(policy), name)
    if body.options.break_glass:
        for name in sorted(groups & set(body.options.break_glass.groups)):
            yield Right(f"Use break-glass for {moves}", f"member of {name}", *_name_and_id(policy), name)


def model_levels(actor: Actor, *, user: User | None, groups: Iterable[Group]) -> FirstRows[LevelRow]:
    """Return the levels of a person or of groups on models that the actor may see; a fixed number of queries."""
    grants = granted_to(user.pk if user else None, [group.pk for group in groups], visible_models(actor))
    rows = [LevelRow(name, grant.level.name.lower(), _given_to(grant, user)) for name, grant in grants]
    return _cut(rows)


def experiment_levels(actor: Actor, *, user: User | None, groups: Iterable[Group]) -> FirstRows[LevelRow]:
    """Return the levels of a person or of groups on experiments that the actor may see, and those by name pattern."""
    holders = Q(group__in=list(groups)) | (Q(user=user) if user else Q(pk__in=[]))
    grants = ExperimentGrant.objects.filter(holders, experiment__in=visible_experiments(actor))
    rows = [
        LevelRow(row.experiment.name, _experiment_level(row.level), _why(row.group), row.experiment_id)
        for row in grants.select_related("experiment", "group").order_by("experiment__name", "pk")
    ]
    patterns = PatternGrant.objects.filter(holders).select_related("group").order_by("pattern", "pk")
    rows += [
        LevelRow(f"every experiment like {row.pattern}", _experiment_level(row.level), _why(row.group))
        for row in patterns
    ]
    return _cut(rows)


def default_levels() -> tuple[str, str]:
    """Return the default levels of every signed-in person: on models, and on experiments. "none" for no level."""
    return settings.DEFAULT_MODEL_LEVEL or "none", settings.DEFAULT_EXPERIMENT_LEVEL or "none"


def _cut(rows: list[LevelRow]) -> FirstRows[LevelRow]:
    first = FirstRows(rows[:_SHOWN])
    first.total = len(rows)
    return first


def _given_to(grant: Grant, user: User | None) -> str:
    if grant.kind is PrincipalKind.GROUP:
        return f"given to the group {grant.name}"
    return "given to them" if user else ""


def _why(group: Group | None) -> str:
    return f"given to the group {group.name}" if group else "given to them"


def _experiment_level(level: int) -> str:
    return ExperimentLevel(level).name.lower()
