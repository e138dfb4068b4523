"""Provisioned accounts and groups, for lists and for the services that change them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from accounts.models import ProvisionedAccount, ProvisionedGroup, User
from core.errors import NotFound
from core.ids import row_id

# (id of the account or group, its name), as (id of the other end) has them.
Names = dict[int, list[tuple[int, str]]]


def provisioned_accounts() -> QuerySet[ProvisionedAccount]:
    """Return the accounts that the provider sees, in the order of their ids."""
    rows = ProvisionedAccount.objects.filter(deleted_at__isnull=True).select_related("account")
    return rows.order_by("account_id")


def provisioned_groups() -> QuerySet[ProvisionedGroup]:
    """Return the groups that the provider sees: provisioned, and named by CUSTODY_SCIM_GROUPS."""
    rows = ProvisionedGroup.objects.filter(group__name__in=list(settings.SCIM_GROUPS.values()))
    return rows.select_related("group").order_by("group_id")


def name_at_provider(group: str) -> str:
    """Return the name that the provider has for a group that CUSTODY_SCIM_GROUPS names."""
    return next(theirs for theirs, ours in settings.SCIM_GROUPS.items() if ours == group)


def find_account(account_id: str, *, lock: bool = False) -> ProvisionedAccount:
    """Return a provisioned account by its id, with its row locked until commit if wanted. Raises NotFound."""
    rows = provisioned_accounts().filter(account=row_id(account_id))
    row = (rows.select_for_update(of=("self", "account"), no_key=True) if lock else rows).first()
    if row is None:
        raise NotFound(f"No account has the id {account_id[:50]}.")
    return row


def find_group(group_id: str, *, lock: bool = False) -> ProvisionedGroup:
    """Return a provisioned group by its id, with its row locked until commit if wanted. Raises NotFound."""
    rows = provisioned_groups().filter(group=row_id(group_id))
    row = (rows.select_for_update(of=("self",), no_key=True) if lock else rows).first()
    if row is None:
        raise NotFound(f"No group has the id {group_id[:50]}.")
    return row


def visible_members() -> QuerySet[Any]:
    """Return the memberships that the provider sees: of accounts that it provisions, in any group."""
    return User.groups.through.objects.filter(
        user__provisioned__isnull=False, user__provisioned__deleted_at__isnull=True
    )


def members_of(group_ids: Collection[int]) -> Names:
    """Return the provisioned members of groups, as (account id, username), in one query."""
    rows = visible_members().filter(group_id__in=group_ids)
    names: Names = defaultdict(list)
    for group_id, user_id, username in rows.order_by("user_id").values_list("group_id", "user_id", "user__username"):
        names[group_id].append((user_id, username))
    return names


def groups_of(account_ids: Collection[int]) -> Names:
    """Return the provisioned groups of accounts, as (group id, the provider's name), in one query."""
    theirs = {group: name for name, group in settings.SCIM_GROUPS.items()}
    rows = User.groups.through.objects.filter(
        user_id__in=account_ids, group__provisioned__isnull=False, group__name__in=list(theirs)
    )
    names: Names = defaultdict(list)
    for user_id, group_id, name in rows.order_by("group_id").values_list("user_id", "group_id", "group__name"):
        names[user_id].append((group_id, theirs[name]))
    return names
