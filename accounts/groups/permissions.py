"""Permissions to change the members of a group, for its owners, and its owners, for superusers."""

from __future__ import annotations

from django.contrib.auth.models import Group

from accounts.groups.provisioners import may_fill
from accounts.models import GroupOwner
from audit.actions import Action
from core.actors import Actor, ActorKind
from core.errors import Denied, NotFound
from core.refs import group_ref


def find_group(name: str) -> Group:
    """Return a group by its name. Raises NotFound."""
    group = None if "\x00" in name else Group.objects.filter(name=name).first()
    if group is None:
        raise NotFound(f"No group is called {name[:150]}.")
    return group


def may_manage(actor: Actor, group: Group) -> bool:
    """Return whether an actor may change the members of a group: an owner, a superuser, the system, or the account
    of the identity provider that fills it.
    """
    if actor.is_superuser or actor.kind is ActorKind.SYSTEM or may_fill(actor, group):
        return True
    is_person = actor.kind is ActorKind.USER and actor.user_id is not None
    return is_person and GroupOwner.objects.filter(group=group, owner=actor.user_id).exists()


def lock_managed(actor: Actor, name: str, action: Action) -> Group:
    """Return a group with its row locked until commit, for a change of its members. Raises NotFound, Denied."""
    group = Group.objects.select_for_update(no_key=True).get(pk=find_group(name).pk)
    if not may_manage(actor, group):
        message = f"Only owners of {group.name} and superusers may change its members."
        raise Denied(message, action=action, obj=group_ref(group.name))
    return group


def lock_administered(actor: Actor, name: str) -> Group:
    """Return a group with its row locked until commit, for a change of its owners. Raises NotFound, Denied."""
    group = Group.objects.select_for_update(no_key=True).get(pk=find_group(name).pk)
    if not actor.is_superuser and actor.kind is not ActorKind.SYSTEM:
        message = "Only superusers may change the owners of a group."
        raise Denied(message, action=Action.ACCOUNT_GROUP_CHANGED, obj=group_ref(group.name))
    return group
