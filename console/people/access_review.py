"""Access review: every person's rights to decide, with their source and since when, in a fixed number of queries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase

from accounts.changes import Change
from accounts.groups.queries import expiries_of
from accounts.models import AccountChange, AuthenticatorApp, Passkey, User
from approvals.permissions.reviews import delegations_in_force
from console.people.rights import Right, moves_of, readable_policies, rights_by_groups, rights_by_name
from core.actors import Actor
from policies.matching import LoadedPolicy
from policies.rules import ApprovalsRule
from registry.permissions import Level, granted_levels, visible_models

# The columns of the exports, in order.
COLUMNS = (
    "username",
    "name",
    "decision",
    "source",
    "policy",
    "since",
    "given_by",
    "expires",
    "last_sign_in",
    "second_factor",
)


@dataclass(frozen=True, slots=True)
class AccessRow:
    """A right of a person to decide. ``since`` is None where it is not known, and ``given_by`` is then "".

    ``expires`` is when the membership that gives the right ends, None for never.
    """

    username: str
    name: str
    decision: str
    source: str
    policy: str = ""
    since: datetime | None = None
    given_by: str = ""
    expires: datetime | None = None
    last_sign_in: datetime | None = None
    second_factor: str = "none"


def access_rows(actor: Actor) -> list[AccessRow]:
    """Return the rights of all active people to decide, by username. Models that the actor may not see are left out."""
    people = list(User.objects.filter(is_active=True, is_service=False).prefetch_related("groups").order_by("username"))
    policies, memberships, factors = readable_policies(), _memberships(), _second_factors()
    expiries = expiries_of([person.pk for person in people])
    delegated, roles = _delegated(), _by_role(actor, people, policies)
    rows = []
    for person in people:
        for right, since, given_by in [*_rights(person, policies, memberships), *delegated.get(person.pk, ())]:
            expires = expiries.get((person.pk, right.group))
            rows.append(_row(person, right, factors, since=since, given_by=given_by, expires=expires))
        rows += [_row(person, right, factors) for right in roles.get(person.pk, ())]
    return rows


Dated = tuple[Right, datetime | None, str]


def _rights(
    person: User, policies: list[LoadedPolicy], memberships: dict[tuple[int, str], tuple[datetime, str]]
) -> Iterator[Dated]:
    """Yield the rights of a person by groups and by name; those by groups with when they joined the group."""
    if person.is_superuser:
        yield Right("Do everything except approve: requests still need reviewers", "superuser"), None, ""
    for right in rights_by_groups(sorted(group.name for group in person.groups.all()), policies):
        since, given_by = memberships.get((person.pk, right.group), (None, ""))
        yield right, since, given_by
    for policy in policies:
        for right in rights_by_name(policy, person.username):
            yield right, policy.revision.published_at, policy.revision.published_by


def _memberships() -> dict[tuple[int, str], tuple[datetime, str]]:
    """Return when each account was last added to each group, and by whom; one query."""
    rows = AccountChange.objects.filter(kind=Change.GROUP_ADDED).order_by("pk")
    joined: dict[tuple[int, str], tuple[datetime, str]] = {}
    for account, group, made_by, at in rows.values_list("account_id", "detail", "made_by", "at"):
        # A signal and the interface that acts each note the change; only the interface knows who.
        earlier = joined.get((account, group))
        joined[account, group] = (at, made_by or (earlier[1] if earlier else ""))
    return joined


def _delegated() -> dict[int, list[Dated]]:
    rows: dict[int, list[Dated]] = {}
    for row in delegations_in_force().select_related("delegator").order_by("pk"):
        decision = f"Decide in place of {row.delegator} on {row.models_pattern}"
        right = Right(decision, f"delegated until {row.ends_at:%Y-%m-%d}")
        rows.setdefault(row.delegate_id, []).append((right, row.starts_at, row.delegator.username))
    return rows


def _by_role(actor: Actor, people: Sequence[User], policies: Iterable[LoadedPolicy]) -> dict[int, list[Right]]:
    """Return the rights that people have by a permission level on a model, by the id of the person; three queries."""
    rules = [
        (policy, min(Level[role.upper()] for role in rule.roles))
        for policy in policies
        for rule in policy.body.rules
        if isinstance(rule, ApprovalsRule) and rule.roles
    ]
    if not rules:
        return {}
    names = dict(visible_models(actor).values_list("pk", "name"))
    rights: dict[int, list[Right]] = {}
    levels = granted_levels(set(names), {person.pk for person in people})
    for (model_id, person_id), level in sorted(levels.items(), key=lambda item: names[item[0][0]]):
        name = names[model_id]
        for policy, least in rules:
            if level >= least and fnmatchcase(name, policy.body.models):
                decision = f"Approve {moves_of(policy.body.target)} of {name}"
                right = Right(decision, f"level {level.name.lower()}", policy.body.name, policy.revision.policy_id)
                rights.setdefault(person_id, []).append(right)
    return rights


def _second_factors() -> dict[int, str]:
    passkeys = Passkey.objects.filter(removed_at__isnull=True).values_list("user_id", flat=True)
    apps = AuthenticatorApp.objects.filter(removed_at__isnull=True).values_list("user_id", flat=True)
    return {**dict.fromkeys(passkeys, "passkey"), **dict.fromkeys(apps, "authenticator app")}


def _row(
    person: User,
    right: Right,
    factors: dict[int, str],
    *,
    since: datetime | None = None,
    given_by: str = "",
    expires: datetime | None = None,
) -> AccessRow:
    return AccessRow(
        username=person.username,
        name=person.get_full_name(),
        decision=right.decision,
        source=right.why,
        policy=right.policy,
        since=since,
        given_by=given_by,
        expires=expires,
        last_sign_in=person.last_login,
        second_factor=factors.get(person.pk, "none"),
    )
