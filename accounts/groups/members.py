"""Adding members to a group, setting when their memberships expire, and removing them.

An owner changes the memberships of others, not their own: whoever decides who reviews does not make themselves a
reviewer. Each change is noted as a change of the account, so that a party to a request cannot give review rights to
whoever then approves it.
"""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.models import Group
from django.db import transaction
from django.utils import timezone

from accounts.changes import Change, note_change
from accounts.groups.permissions import lock_managed
from accounts.models import Membership, User
from accounts.oidc.sign_in import providers_of
from audit.actions import Action
from audit.services import record
from core.actors import Actor
from core.errors import AlreadyExists, Denied, InvalidInput, InvalidState, NotFound
from core.refs import user_ref
from core.times import iso_utc


@transaction.atomic
def add_member(*, actor: Actor, group: str, username: str, expires_at: datetime | None = None) -> Membership:
    """Add an active account to a group until a time, or for good, and return its membership.

    Raises NotFound, Denied (the actor is neither an owner nor a superuser, or is an owner who adds themselves),
    InvalidInput (a time that has passed), AlreadyExists (a member), InvalidState (a provider decides).
    """
    row = lock_managed(actor, group, Action.ACCOUNT_USER_CHANGED)
    account = User.objects.filter(username=username[:150], is_active=True).first() if "\x00" not in username else None
    if account is None:
        raise NotFound(f"There is no active account {username[:150]}.")
    _require_of_another(actor, account, row)
    _require_not_provided(account, row)
    _require_later(expires_at)
    before = group_names(account)
    if row.name in before:
        raise AlreadyExists(f"{account.username} is a member of {row.name} already.")
    membership = Membership.objects.create(user=account, group=row, expires_at=expires_at)
    note_change(actor=actor, account=account, kind=Change.GROUP_ADDED, details=[row.name])
    _record_groups(actor, account, before, membership={"group": row.name, "expires_at": expires_at})
    return membership


@transaction.atomic
def set_expiry(*, actor: Actor, group: str, username: str, expires_at: datetime | None) -> Membership:
    """Let a membership end at another time, or never, and return it. Whoever has expired is added again instead.

    Raises NotFound, Denied, InvalidInput as `add_member` does.
    """
    row = lock_managed(actor, group, Action.ACCOUNT_MEMBERSHIP_CHANGED)
    membership = _membership_in_force(row, username)
    before = membership.expires_at
    if before == expires_at:
        return membership
    is_later = before is not None and (expires_at is None or expires_at > before)
    _require_later(expires_at)
    if is_later:
        _require_of_another(actor, membership.user, row)
        note_change(actor=actor, account=membership.user, kind=Change.GROUP_EXTENDED, details=[row.name])
    membership.expires_at, membership.reminded_for = expires_at, None
    membership.save(update_fields=["expires_at", "reminded_for"])
    record(
        actor=actor,
        action=Action.ACCOUNT_MEMBERSHIP_CHANGED,
        obj=user_ref(membership.user.username),
        before={"group": row.name, "expires_at": before},
        after={"group": row.name, "expires_at": expires_at},
    )
    return membership


@transaction.atomic
def remove_member(*, actor: Actor, group: str, username: str) -> None:
    """Remove an account from a group. Raises NotFound, Denied, InvalidState (a provider decides)."""
    row = lock_managed(actor, group, Action.ACCOUNT_USER_CHANGED)
    membership = _membership_in_force(row, username)
    account = membership.user
    _require_not_provided(account, row)
    before = group_names(account)
    account.groups.remove(row)
    _record_groups(actor, account, before)


def group_names(account: User) -> list[str]:
    """Return the names of the groups that an account is a member of now."""
    return sorted(account.groups.values_list("name", flat=True))


def _membership_in_force(group: Group, username: str) -> Membership:
    members = Membership.objects.select_for_update(of=("self",)).select_related("user")
    named = members.filter(group=group, user__username=username[:150], user__groups=group)
    membership = None if "\x00" in username else named.first()
    if membership is None:
        raise NotFound(f"{username[:150]} is not a member of {group.name}.")
    return membership


def _require_of_another(actor: Actor, account: User, group: Group) -> None:
    if account.pk == actor.user_id and not actor.is_superuser:
        message = f"Another owner of {group.name}, or a superuser, must give you this."
        raise Denied(message, action=Action.ACCOUNT_MEMBERSHIP_CHANGED, obj=user_ref(account.username))


def _require_not_provided(account: User, group: Group) -> None:
    """Raise InvalidState where an identity provider sets whether the account is a member, at each sign-in."""
    provider = next((each for each in providers_of(account.pk) if group.name in each.groups.values()), None)
    if provider is not None:
        raise InvalidState(
            f"{provider.name} decides whether {account.username} is a member of {group.name}: change it there."
        )


def _require_later(expires_at: datetime | None) -> None:
    if expires_at is not None and expires_at <= timezone.now():
        raise InvalidInput(f"The membership would end at once: {iso_utc(expires_at)} has passed.")


def _record_groups(actor: Actor, account: User, before: list[str], **more: object) -> None:
    record(
        actor=actor,
        action=Action.ACCOUNT_USER_CHANGED,
        obj=user_ref(account.username),
        before={"groups": before},
        after={"groups": group_names(account), **more},
    )
