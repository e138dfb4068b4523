"""Review rights of people: their groups, and the permission level granted to them on a model.

A superuser has no review rights for being one.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.auth.models import Group

from core.actors import Actor
from policies.rule_parsing import MODEL_ROLES
from registry.permissions import Level, granted_levels

# The groups of a person, and their roles on a model.
ReviewRights = tuple[frozenset[str], frozenset[str]]


def groups_of(actor: Actor) -> frozenset[str]:
    """Return the names of the groups of a caller; one query."""
    rows = Group.objects.filter(user=actor.user_id) if actor.user_id is not None else Group.objects.none()
    return frozenset(rows.values_list("name", flat=True))


def review_rights(pairs: Iterable[tuple[int, int]]) -> dict[tuple[int, int], ReviewRights]:
    """Return the review rights for each (model id, user id); three queries however many there are.

    A role is a permission level granted on the model, to the person or to one of their groups; it includes the lower
    levels.
    """
    requested = set(pairs)
    if not requested:
        return {}
    groups: dict[int, set[str]] = {}
    members = Group.objects.filter(user__in={person for _, person in requested}).values_list("user", "name")
    for person, name in members:
        groups.setdefault(person, set()).add(name)
    levels = granted_levels({model_id for model_id, _ in requested}, {person for _, person in requested})
    return {key: (frozenset(groups.get(key[1], ())), _roles(levels.get(key))) for key in requested}


def _roles(level: Level | None) -> frozenset[str]:
    if level is None:
        return frozenset()
    return frozenset(role for role in MODEL_ROLES if Level[role.upper()] <= level)
