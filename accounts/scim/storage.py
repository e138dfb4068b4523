"""Storage of scim2-server: reads by the queries and writes by the services of accounts/provisioning."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from scim2_models import NotImplementedException, Resource, ResourceType, ResponseParameters, SearchRequest
from scim2_server.storage import ScimStorage, SearchPage

from accounts.provisioning.accounts import create_account, delete_account, update_account
from accounts.provisioning.groups import release_group, take_over_group, update_group
from accounts.provisioning.queries import find_account, find_group, provisioned_accounts, provisioned_groups
from accounts.scim.filters import GROUPS, USERS, condition_of
from accounts.scim.resources import group_resources, member_ids, profile_of, user_resources
from accounts.scim.schemas import Group, User
from core.actors import Actor


class Storage(ScimStorage):
    """The storage of one request. ``writes``: it is one transaction, and what it reads is locked until its end."""

    def __init__(self, actor: Actor, *, writes: bool) -> None:
        self.actor = actor
        self.writes = writes

    def operation(self) -> AbstractContextManager[None]:
        """Return the transaction of a request that writes."""
        return transaction.atomic() if self.writes else nullcontext()

    def get(
        self,
        resource_type: ResourceType,
        resource_id: str,
        *,
        response_parameters: ResponseParameters[Any] | None = None,
    ) -> Resource[Any]:
        """Return a resource. Raises NotFound."""
        if resource_type.name == "User":
            return user_resources([find_account(resource_id, lock=self.writes)])[0]
        row = find_group(resource_id, lock=self.writes)
        return group_resources([row], with_members=_wants_members(response_parameters))[0]

    def search(
        self, resource_types: list[ResourceType], search_request: SearchRequest[Any], *, position: Any = None
    ) -> SearchPage:
        """Return a page of users or groups. Raises InvalidFilterException, NotImplementedException (of both)."""
        if len(resource_types) != 1:
            raise NotImplementedException(detail="Search /Users or /Groups.")
        node = search_request.filter.ast if search_request.filter is not None else None
        if resource_types[0].name == "User":
            total, rows = _page(provisioned_accounts().filter(condition_of(node, USERS)), search_request)
            return SearchPage(total, user_resources(rows))
        total, rows = _page(provisioned_groups().filter(condition_of(node, GROUPS)), search_request)
        return SearchPage(total, group_resources(rows, with_members=_wants_members(search_request)))

    def create(self, resource_type: ResourceType, resource: Resource[Any]) -> Resource[Any]:
        """Make an account, or take over a group. Raises what `create_account` and `take_over_group` raise."""
        if isinstance(resource, User):
            name = (resource.user_name or "").strip()
            return user_resources([create_account(actor=self.actor, username=name, profile=profile_of(resource))])[0]
        group = _as_group(resource)
        row = take_over_group(
            actor=self.actor,
            name=group.display_name or "",
            external_id=group.external_id or "",
            members=member_ids(group),
        )
        return group_resources([row])[0]

    def update(
        self, resource_type: ResourceType, resource: Resource[Any], *, expected_version: str | None = None
    ) -> Resource[Any]:
        """Store the facts of a resource, which `get` read and locked. Raises what the services raise."""
        key = resource.id or ""
        if isinstance(resource, User):
            return user_resources([update_account(actor=self.actor, account_id=key, profile=profile_of(resource))])[0]
        group = _as_group(resource)
        row = update_group(
            actor=self.actor, group_id=key, external_id=group.external_id or "", members=member_ids(group)
        )
        return group_resources([row])[0]

    def delete(self, resource_type: ResourceType, resource_id: str, *, expected_version: str | None = None) -> None:
        """Deactivate an account, or empty a group; both are hidden from the provider. Raises what they raise."""
        if resource_type.name == "User":
            delete_account(actor=self.actor, account_id=resource_id)
        else:
            release_group(actor=self.actor, group_id=resource_id)


def _as_group(resource: Resource[Any]) -> Group:
    if not isinstance(resource, Group):
        raise TypeError(f"{type(resource).__name__} is no resource of this server")
    return resource


def _page(rows: QuerySet[Any], request: SearchRequest[Any]) -> tuple[int, list[Any]]:
    start, total = request.start_index_0 or 0, rows.count()
    return total, list(rows[start : start + (request.count or 0)]) if request.count else []


def _wants_members(parameters: ResponseParameters[Any] | None) -> bool:
    """Return whether an answer has the members of groups, which may be many."""
    if parameters is None:
        return True
    excluded = {str(path).lower() for path in parameters.excluded_attributes or []}
    chosen = {str(path).partition(".")[0].lower() for path in parameters.attributes or []}
    return "members" not in excluded and (not chosen or any(each.endswith("members") for each in chosen))
