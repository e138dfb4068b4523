"""Provisioned groups: the provider takes over a group that CUSTODY_SCIM_GROUPS names, and sets its members.

It makes no group, and sees no member that it does not provision: those stay as the owners of the group want them.
"""

from __future__ import annotations

from collections.abc import Collection

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import transaction

from accounts.groups.members import add_member, remove_member
from accounts.groups.provisioners import require_provisioner
from accounts.models import LONGEST_EXTERNAL_ID, ProvisionedGroup, User
from accounts.provisioning.queries import find_group, members_of
from audit.actions import Action
from audit.services import record
from core.actors import Actor
from core.errors import AlreadyExists, InvalidInput, TooLarge
from core.ids import row_id
from core.refs import group_ref

# Each is an event and some statements in one transaction.
MAX_CHANGED_MEMBERS = 1000


@transaction.atomic
def take_over_group(*, actor: Actor, name: str, external_id: str, members: Collection[str]) -> ProvisionedGroup:
    """Let the provider set the members of the group that it calls ``name``, set them, and return the group.

    Raises Denied, InvalidInput (CUSTODY_SCIM_GROUPS does not name it, there is no such group here, or an id is that of
    no active account), AlreadyExists, NotFound, TooLarge, InvalidState (another provider decides).
    """
    require_provisioner(actor, group_ref(name[:150]))
    _check(external_id)
    group = Group.objects.filter(name=settings.SCIM_GROUPS.get(name, "")).first()
    if group is None:
        allowed = ", ".join(sorted(settings.SCIM_GROUPS)) or "none"
        raise InvalidInput(f"CUSTODY_SCIM_GROUPS lets no group here be called {name[:150]}. It names: {allowed}.")
    row, is_new = ProvisionedGroup.objects.get_or_create(group=group, defaults={"external_id": external_id})
    if not is_new:
        raise AlreadyExists(f"There is already a group called {name}.")
    _record(actor, group, {"provisioned": False}, {"provisioned": True, "external_id": external_id})
    if members:
        _set_members(actor, row, members)
    return row


@transaction.atomic
def update_group(*, actor: Actor, group_id: str, external_id: str, members: Collection[str]) -> ProvisionedGroup:
    """Set the provider's id of a group and its provisioned members, and return the group.

    Raises Denied, NotFound, InvalidInput (an id that is no active account), AlreadyExists, TooLarge, InvalidState
    (another provider decides).
    """
    require_provisioner(actor, group_ref(group_id[:50]))
    row = find_group(group_id, lock=True)
    _check(external_id)
    if row.external_id != external_id:
        _record(actor, row.group, {"external_id": row.external_id}, {"external_id": external_id})
        row.external_id = external_id
    _set_members(actor, row, members)
    row.save()
    return row


@transaction.atomic
def release_group(*, actor: Actor, group_id: str) -> None:
    """Take the provisioned members out of a group, which stays here and is hidden from the provider.

    Raises Denied, NotFound, InvalidInput, AlreadyExists, TooLarge, InvalidState.
    """
    require_provisioner(actor, group_ref(group_id[:50]))
    row = find_group(group_id, lock=True)
    _set_members(actor, row, ())
    row.delete()
    _record(actor, row.group, {"provisioned": True}, {"provisioned": False})


def _set_members(actor: Actor, row: ProvisionedGroup, members: Collection[str]) -> None:
    name = row.group.name
    before = dict(members_of([row.group_id]).get(row.group_id, []))
    sent = {row_id(member): member for member in members}
    to_add, to_remove = sent.keys() - before.keys(), before.keys() - sent.keys()
    if len(to_add) + len(to_remove) > MAX_CHANGED_MEMBERS:
        raise TooLarge(f"A request may add and remove {MAX_CHANGED_MEMBERS} members. Send several.")
    usernames = _usernames(to_add)
    if unknown := next((sent[each] for each in sorted(to_add) if each not in usernames), None):
        raise InvalidInput(f"No active account has the id {unknown[:50]}.")
    for each in sorted(to_remove):
        remove_member(actor=actor, group=name, username=before[each])
    for each in sorted(to_add):
        add_member(actor=actor, group=name, username=usernames[each])


def _usernames(ids: Collection[int]) -> dict[int, str]:
    rows = User.objects.filter(
        pk__in=ids, is_active=True, provisioned__isnull=False, provisioned__deleted_at__isnull=True
    )
    return dict(rows.values_list("pk", "username"))


def _check(external_id: str) -> None:
    if len(external_id) > LONGEST_EXTERNAL_ID or not external_id.isprintable():
        raise InvalidInput(f"The externalId may have {LONGEST_EXTERNAL_ID} characters that can be printed.")


def _record(actor: Actor, group: Group, before: dict[str, object], after: dict[str, object]) -> None:
    obj = group_ref(group.name)
    record(actor=actor, action=Action.ACCOUNT_GROUP_CHANGED, obj=obj, before=before, after=after)
