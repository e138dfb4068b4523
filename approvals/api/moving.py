"""/api/v1: moves that are no ordinary promotion: aliases, rollbacks, emergencies."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from approvals.api.oversight_serializers import AliasSerializer, BreakGlassSerializer, RollBackSerializer
from approvals.api.requests import base_url, request_detail
from approvals.api.serializers import RequestSerializer
from approvals.requests.alias import request_alias
from approvals.requests.break_glass import break_glass
from approvals.requests.roll_back import roll_back
from registry.api import actor_of, checked
from registry.queries import get_version, version_by_alias
from registry.serializers import VersionSerializer
from registry.services.aliases import delete_alias


class AliasView(APIView):
    """GET: the version an alias points at. PUT: point it at one; 403 lists what its policy still needs. DELETE."""

    @extend_schema(responses=VersionSerializer)
    def get(self, request: Request, name: str, alias: str) -> Response:
        """Return the version that the alias points at. Raises NotFound (the model, the alias)."""
        return Response(VersionSerializer(version_by_alias(actor_of(request), name, alias)).data)

    @extend_schema(request=AliasSerializer, responses=VersionSerializer)
    def put(self, request: Request, name: str, alias: str) -> Response:
        """Point the alias at a version and return the version.

        Raises NotFound, InvalidInput, Denied, GateRefused (with what the policy of a protected alias still needs).
        """
        asked = checked(AliasSerializer, request.data)
        moved = request_alias(
            actor=actor_of(request), name=name, alias=alias, base_url=base_url(request), wait_seconds=0, **asked
        )
        return Response(VersionSerializer(moved).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, name: str, alias: str) -> Response:
        """Delete the alias (204, also where there is none). Raises NotFound, Denied."""
        delete_alias(actor=actor_of(request), name=name, alias=alias)
        return Response(status=status.HTTP_204_NO_CONTENT)


class RollBackView(APIView):
    """POST: bring the earlier version back. Applied at once, unless the policy asks for approvals."""

    @extend_schema(request=RollBackSerializer, responses={200: RequestSerializer})
    def post(self, request: Request, name: str) -> Response:
        """Return the version that was brought back, or is to be, and its request; null where no policy governs.

        Raises NotFound, Denied, InvalidInput, InvalidState (no earlier version can return), Conflict (another is open).
        """
        actor = actor_of(request)
        done = roll_back(actor=actor, name=name, **checked(RollBackSerializer, request.data))
        found = get_version(actor, name, done.version.version)
        detail = request_detail(request, done.request.pk) if done.request else None
        return Response({"version": VersionSerializer(found).data, "transition_request": detail})


class BreakGlassView(APIView):
    """POST: ask for an emergency move; a person of the policy's groups, signed in. A second one of them approves it."""

    @extend_schema(request=BreakGlassSerializer, responses={201: RequestSerializer})
    def post(self, request: Request, name: str, version: int) -> Response:
        """Open a break-glass request and return it (201): applied, or waiting for the second person.

        A person of the policy's groups who is signed in. Raises NotFound, Denied, InvalidInput (no reason),
        InvalidState (the policy does not allow break-glass), Conflict.
        """
        asked = checked(BreakGlassSerializer, request.data)
        made = break_glass(actor=actor_of(request), name=name, version=version, **asked)
        return Response(request_detail(request, made.pk), status=status.HTTP_201_CREATED)
