"""Making people owners of a group, by superusers."""

from __future__ import annotations

from django.contrib.auth.models import Group
from django.db import transaction

from accounts.changes import Change, note_change
from accounts.groups.permissions import lock_administered
from accounts.models import GroupOwner, User
from audit.actions import Action
from audit.services import record
from core.actors import Actor
from core.errors import NotFound
from core.refs import group_ref


@transaction.atomic
def add_owner(*, actor: Actor, group: str, username: str) -> GroupOwner:
    """Make an active person an owner of a group; nothing changes for one who is. Raises NotFound, Denied."""
    row = lock_administered(actor, group)
    people = User.objects.filter(username=username[:150], is_active=True, is_service=False)
    person = None if "\x00" in username else people.first()
    if person is None:
        raise NotFound(f"There is no active person called {username[:150]}.")
    before = owner_names(row)
    owner, is_new = GroupOwner.objects.get_or_create(group=row, owner=person)
    if is_new:
        note_change(actor=actor, account=person, kind=Change.OWNER_ADDED, details=[row.name])
        _record(actor, row, before)
    return owner


@transaction.atomic
def remove_owner(*, actor: Actor, group: str, username: str) -> None:
    """Remove an owner of a group. Raises NotFound (not an owner), Denied."""
    row = lock_administered(actor, group)
    before = owner_names(row)
    owned = GroupOwner.objects.filter(group=row, owner__username=username[:150])
    if "\x00" in username or not owned.delete()[0]:
        raise NotFound(f"{username[:150]} is not an owner of {row.name}.")
    _record(actor, row, before)


def owner_names(group: Group) -> list[str]:
    """Return the usernames of the owners of a group, sorted."""
    return sorted(GroupOwner.objects.filter(group=group).values_list("owner__username", flat=True))


def _record(actor: Actor, group: Group, before: list[str]) -> None:
    record(
        actor=actor,
        action=Action.ACCOUNT_GROUP_CHANGED,
        obj=group_ref(group.name),
        before={"name": group.name, "owners": before},
        after={"name": group.name, "owners": owner_names(group)},
    )
