"""The people responsible for a model: those who manage it, and the owners of accounts that acted on it."""

from __future__ import annotations

from collections.abc import Iterable

from accounts.models import User
from accounts.owners import owners_of
from accounts.principals import PrincipalKind
from registry.models import InventoryEntry, RegisteredModel
from registry.permissions import Level, grants_of


def responsible_people(model: RegisteredModel, names: Iterable[str]) -> set[int]:
    """Return the ids of the people responsible for a model, and of the people of these accounts.

    They are its owner in the inventory and those who manage it, by a grant of their own or of a group.
    """
    managers = [grant for grant in grants_of(model) if grant.level >= Level.MANAGE]
    groups = [grant.name for grant in managers if grant.kind is PrincipalKind.GROUP]
    members = User.objects.filter(groups__name__in=groups, is_active=True, is_service=False)
    entry = InventoryEntry.objects.filter(model=model).select_related("owner").first()
    owner = [entry.owner.username] if entry and entry.owner else []
    accounts = {*names, *owner, *(grant.name for grant in managers if grant.kind is not PrincipalKind.GROUP)}
    return people_named(accounts) | set(members.values_list("pk", flat=True))


def people_named(names: Iterable[str]) -> set[int]:
    """Return the ids of the people of these usernames, and of the owners of those that are service accounts."""
    accounts = set(names)
    owners = set().union(*owners_of(accounts).values())
    rows = User.objects.filter(username__in=accounts | owners, is_active=True, is_service=False)
    return set(rows.values_list("pk", flat=True))
