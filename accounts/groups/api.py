"""/api/v1/groups/{group}/members and …/owners: who is in a group, until when, and who decides it."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.groups.members import add_member, remove_member, set_expiry
from accounts.groups.owners import add_owner, owner_names, remove_owner
from accounts.groups.permissions import find_group
from accounts.groups.queries import memberships_of
from accounts.models import Membership
from core.actors import Scope, actor_of
from core.rest import ApiView, PageQuery, accepts, listed, page

_EXPIRES = "The membership ends then; null: it does not end."


class MemberSerializer(serializers.Serializer[Any]):
    """A member of a group."""

    username = serializers.CharField()
    expires_at = serializers.DateTimeField(allow_null=True, help_text=_EXPIRES)


class NewMemberSerializer(serializers.Serializer[Any]):
    """The body that adds a member."""

    username = serializers.CharField(max_length=150)
    expires_at = serializers.DateTimeField(allow_null=True, default=None, help_text=_EXPIRES)


class ExpirySerializer(serializers.Serializer[Any]):
    """The body that sets when a membership ends."""

    expires_at = serializers.DateTimeField(allow_null=True, help_text=_EXPIRES)


class OwnersSerializer(serializers.Serializer[Any]):
    """The owners of a group."""

    owners = serializers.ListField(child=serializers.CharField())


class MembersView(ApiView):
    """GET: the members of a group. POST: add one, as an owner or a superuser."""

    required_scopes = {"POST": Scope.ACCOUNTS_MANAGE}

    @accepts(query=PageQuery, responses=listed("members", MemberSerializer))
    def get(self, request: Request, group: str) -> Response:  # noqa: ARG002 - a view's signature
        """Return one page of members by username. Raises NotFound."""
        rows, position = page(memberships_of(find_group(group)), self.query)
        return Response({"members": [_member(row) for row in rows], **position})

    @accepts(body=NewMemberSerializer, responses={201: MemberSerializer})
    def post(self, request: Request, group: str) -> Response:
        """Add a member and return it (201).

        Raises NotFound, Denied, InvalidInput, AlreadyExists, InvalidState.
        """
        return Response(_member(add_member(actor=actor_of(request), group=group, **self.body)), status=201)


class MemberView(ApiView):
    """PATCH: when a membership ends. DELETE: remove a member. By an owner or a superuser."""

    required_scopes = {"PATCH": Scope.ACCOUNTS_MANAGE, "DELETE": Scope.ACCOUNTS_MANAGE}

    @accepts(body=ExpirySerializer, responses=MemberSerializer)
    def patch(self, request: Request, group: str, username: str) -> Response:
        """Set when a membership ends and return it. Raises NotFound, Denied, InvalidInput."""
        row = set_expiry(actor=actor_of(request), group=group, username=username, expires_at=self.body["expires_at"])
        return Response(_member(row))

    @accepts(responses={204: OpenApiTypes.NONE})
    def delete(self, request: Request, group: str, username: str) -> Response:
        """Remove a member. Raises NotFound, Denied, InvalidState."""
        remove_member(actor=actor_of(request), group=group, username=username)
        return Response(status=204)


class OwnersView(ApiView):
    """GET: the owners of a group."""

    @accepts(responses=OwnersSerializer)
    def get(self, request: Request, group: str) -> Response:  # noqa: ARG002 - a view's signature
        """Return the usernames of the owners. Raises NotFound."""
        return Response({"owners": owner_names(find_group(group))})


class OwnerView(ApiView):
    """PUT: make a person an owner of a group. DELETE: remove an owner. By a superuser."""

    required_scopes = {"PUT": Scope.ACCOUNTS_MANAGE, "DELETE": Scope.ACCOUNTS_MANAGE}

    @accepts(responses=OwnersSerializer)
    def put(self, request: Request, group: str, username: str) -> Response:
        """Make a person an owner and return the owners. Raises NotFound, Denied."""
        row = add_owner(actor=actor_of(request), group=group, username=username)
        return Response({"owners": owner_names(row.group)})

    @accepts(responses={204: OpenApiTypes.NONE})
    def delete(self, request: Request, group: str, username: str) -> Response:
        """Remove an owner. Raises NotFound, Denied."""
        remove_owner(actor=actor_of(request), group=group, username=username)
        return Response(status=204)


def _member(row: Membership) -> dict[str, object]:
    return {"username": row.user.username, "expires_at": row.expires_at}
