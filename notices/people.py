"""The people responsible for a model: its owner, its managers, and the owners of service accounts."""

from __future__ import annotations

from collections.abc import Iterable

from accounts.models import User
from accounts.owners import owners_of
from accounts.principals import PrincipalKind
from registry.models import InventoryEntry, RegisteredModel
from registry.permissions import Level, grants_of


def responsible_people(model: RegisteredModel, names: Iterable[str]) -> set[int]:
    """Return the ids of the people responsible for a model, and of the people behind the accounts ``names``.

    Responsible are its owner in the inventory, and everybody with a grant to manage it, also by a group.
    """
    managers = [grant for grant in grants_of(model) if grant.level >= Level.MANAGE]
    groups = [grant.name for grant in managers if grant.kind is PrincipalKind.GROUP]
    members = User.objects.filter(groups__name__in=groups, is_active=True, is_service=False)
    entry = InventoryEntry.objects.filter(model=model).select_related("owner").first()
    owner = [entry.owner.username] if entry and entry.owner else []
    accounts = {*names, *owner, *(grant.name for grant in managers if grant.kind is not PrincipalKind.GROUP)}
    return people_named(accounts) | set(members.values_list("pk", flat=True))


def people_named(names: Iterable[str]) -> set[int]:
    """Return the ids of the active people with these usernames, and of the owners of these service accounts."""
    accounts = set(names)
    owners = set().union(*owners_of(accounts).values())
    rows = User.objects.filter(username__in=accounts | owners, is_active=True, is_service=False)
    return set(rows.values_list("pk", flat=True))
