"""/api/v1: moves other than promotions: aliases, rollbacks and break-glass requests."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from approvals.api.oversight_serializers import (
    AliasRemovalSerializer,
    AliasSerializer,
    BreakGlassSerializer,
    RollBackSerializer,
)
from approvals.api.requests import base_url, request_detail
from approvals.api.serializers import RequestDetailSerializer
from approvals.requests.alias import request_alias, request_alias_removal
from approvals.requests.break_glass import break_glass
from approvals.requests.roll_back import roll_back
from core.rest import ApiView, accepts
from registry.api.serializers import VersionSerializer
from registry.api.views import actor_of
from registry.queries import get_version, version_by_alias


class RolledBackSerializer(serializers.Serializer[Any]):
    """The version that is brought back, and the request for it; the request is null where no policy governs."""

    version = VersionSerializer()
    transition_request = RequestDetailSerializer(allow_null=True)


class AliasView(ApiView):
    """GET: the version an alias points at. PUT: point it at a version. DELETE: delete the alias.

    Where the policy still asks for something, PUT and DELETE answer 403 with the list of it.
    """

    @accepts(responses=VersionSerializer)
    def get(self, request: Request, name: str, alias: str) -> Response:
        """Return the version that the alias points at. Raises NotFound (the model, the alias)."""
        return Response(VersionSerializer(version_by_alias(actor_of(request), name, alias)).data)

    @accepts(body=AliasSerializer, responses=VersionSerializer)
    def put(self, request: Request, name: str, alias: str) -> Response:
        """Point the alias at a version and return the version.

        Raises NotFound, InvalidInput, Denied, GateRefused (with what the policy of a protected alias still needs).
        """
        body = self.body
        moved = request_alias(
            actor=actor_of(request), name=name, alias=alias, base_url=base_url(request), wait_seconds=0, **body
        )
        return Response(VersionSerializer(moved).data)

    @accepts(query=AliasRemovalSerializer, responses={204: None})
    def delete(self, request: Request, name: str, alias: str) -> Response:
        """Delete the alias (204, also if there is no such alias). ``reason`` in the query says why.

        Raises NotFound, Denied, GateRefused (with what the policy on leaving a protected alias still needs).
        """
        request_alias_removal(
            actor=actor_of(request),
            name=name,
            alias=alias,
            reason=self.query["reason"],
            wait_seconds=0,
            base_url=base_url(request),
        )
        return Response(status=status.HTTP_204_NO_CONTENT)


class RollBackView(ApiView):
    """POST: bring an earlier version back. It is applied at once, unless the policy asks for approvals."""

    @accepts(body=RollBackSerializer, responses=RolledBackSerializer)
    def post(self, request: Request, name: str) -> Response:
        """Bring an earlier version back. Return it and the request for it, null where no policy governs.

        Raises NotFound, Denied, InvalidInput, InvalidState (no earlier version can return), Conflict (another is open).
        """
        actor = actor_of(request)
        done = roll_back(actor=actor, name=name, **self.body)
        moved = get_version(actor, name, done.version.version)
        detail = request_detail(request, done.request.pk) if done.request else None
        return Response({"version": VersionSerializer(moved).data, "transition_request": detail})


class BreakGlassView(ApiView):
    """POST: open a break-glass request. Only a signed-in member of the policy's groups may; another one approves it."""

    @accepts(body=BreakGlassSerializer, responses={201: RequestDetailSerializer})
    def post(self, request: Request, name: str, version: int) -> Response:
        """Open a break-glass request and return it (201): applied, or waiting for the second person.

        Only a signed-in member of the policy's groups may; no token may. Raises NotFound, Denied, InvalidInput (no
        reason), InvalidState (the policy does not allow break-glass), Conflict.
        """
        body = self.body
        break_glass_request = break_glass(actor=actor_of(request), name=name, version=version, **body)
        return Response(request_detail(request, break_glass_request.pk), status=status.HTTP_201_CREATED)
