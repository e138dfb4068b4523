"""Provisioned accounts and groups as resources of SCIM, and what a resource says of an account."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar

from scim2_models import Meta, Reference, Resource

from accounts.models import ProvisionedAccount, ProvisionedGroup
from accounts.provisioning.accounts import Profile
from accounts.provisioning.queries import groups_of, members_of, name_at_provider
from accounts.scim.schemas import EmailAddress, Group, GroupOfUser, MemberOfGroup, PersonName, User

R = TypeVar("R", bound=Resource[Any])


def user_resources(rows: Sequence[ProvisionedAccount]) -> list[Resource[Any]]:
    """Return accounts as resources, with one query for their groups."""
    groups = groups_of([row.account_id for row in rows])
    return [_user(row, groups.get(row.account_id, [])) for row in rows]


def group_resources(rows: Sequence[ProvisionedGroup], *, with_members: bool = True) -> list[Resource[Any]]:
    """Return groups as resources, with one query for their members, or none without them."""
    members = members_of([row.group_id for row in rows]) if with_members else {}
    return [_group(row, members.get(row.group_id, [])) for row in rows]


def profile_of(user: User) -> Profile:
    """Return the facts of a resource about a person."""
    name = user.name or PersonName()
    return Profile(
        external_id=user.external_id or "",
        display_name=(user.display_name or "").strip(),
        first_name=name.given_name or "",
        last_name=name.family_name or "",
        email=_email(user.emails or []),
        active=user.active,
    )


def member_ids(group: Group) -> list[str]:
    """Return the ids of the accounts that a resource lists as members."""
    return [member.value or "" for member in group.members or []]


def _email(emails: Sequence[EmailAddress]) -> str:
    chosen = next((each for each in emails if each.primary), emails[0] if emails else None)
    return (chosen.value or "").strip() if chosen else ""


def _user(row: ProvisionedAccount, groups: list[tuple[int, str]]) -> User:
    account = row.account
    name = PersonName(given_name=account.first_name or None, family_name=account.last_name or None)
    emails = [EmailAddress(value=account.email, type="work", primary=True)] if account.email else None
    user = User(
        id=str(account.pk),
        external_id=row.external_id or None,
        user_name=account.username,
        name=name if account.get_full_name() else None,
        display_name=row.display_name or None,
        emails=emails,
        active=account.is_active,
        groups=[GroupOfUser(value=str(pk), ref=Reference[Group](f"Groups/{pk}"), display=text) for pk, text in groups]
        or None,
    )
    return _with_meta(user, "User", row.created_at, row.changed_at)


def _group(row: ProvisionedGroup, members: list[tuple[int, str]]) -> Group:
    group = Group(
        id=str(row.group_id),
        external_id=row.external_id or None,
        display_name=name_at_provider(row.group.name),
        members=[MemberOfGroup(value=str(pk), ref=Reference[User](f"Users/{pk}"), display=text) for pk, text in members]
        or None,
    )
    return _with_meta(group, "Group", row.created_at, row.changed_at)


def _with_meta(resource: R, kind: str, created: datetime, changed: datetime) -> R:
    digest = hashlib.sha256(resource.model_dump_json().encode()).hexdigest()[:32]
    resource.meta = Meta(resource_type=kind, created=created, last_modified=changed, version=f'W/"{digest}"')
    return resource
