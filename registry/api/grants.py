"""/api/v1: the grants on a model. Its managers read, set and remove them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.grant_serializers import GrantSerializer, PrincipalQuery, new_grant_serializer
from accounts.principals import PrincipalKind
from audit.actions import Action
from core.actors import actor_of
from core.rest import ApiView, accepts
from registry.models import RegisteredModel
from registry.permissions import Grant, Level, default_level, grants_of, require_level
from registry.queries import get_model
from registry.services.permissions import revoke_permission, set_permissions

NewModelGrant = new_grant_serializer("NewModelGrant", [level.name.lower() for level in Level])


class ModelGrants(serializers.Serializer[Any]):
    """The grants on a model, and the default level of everybody."""

    model = serializers.CharField()
    default_level = serializers.CharField(help_text="The level of everybody who is signed in, `none` for no level.")
    grants = GrantSerializer(many=True)


class ModelGrantsView(ApiView):
    """GET: the grants on a model. PUT: grant somebody a level. DELETE: revoke somebody's grant."""

    @accepts(responses=ModelGrants)
    def get(self, request: Request, name: str) -> Response:
        """Return the grants on a model. Raises NotFound. Raises Denied where the caller does not manage it."""
        actor = actor_of(request)
        model = get_model(actor, name)
        require_level(actor, model, Level.MANAGE, action=Action.REGISTRY_PERMISSIONS_CHANGED)
        return _answer(model)

    @accepts(body=NewModelGrant, responses=ModelGrants)
    def put(self, request: Request, name: str) -> Response:
        """Give somebody exactly this level and return all grants.

        Raises NotFound (model, principal), Denied, InvalidInput.
        """
        body = self.body
        grant = Grant(PrincipalKind(body["kind"]), body["name"], Level[body["level"].upper()])
        return _answer(set_permissions(actor=actor_of(request), name=name, grants=[grant], replace=False))

    @accepts(query=PrincipalQuery, responses=ModelGrants)
    def delete(self, request: Request, name: str) -> Response:
        """Revoke somebody's grant and return the remaining grants.

        Raises NotFound (model, principal, grant), Denied.
        """
        kind, principal = PrincipalKind(self.query["kind"]), self.query["name"]
        return _answer(revoke_permission(actor=actor_of(request), name=name, kind=kind, principal=principal))


def _answer(model: RegisteredModel) -> Response:
    default = default_level()
    grants = {
        "model": model.name,
        "default_level": default.name.lower() if default else "none",
        "grants": grants_of(model),
    }
    return Response(ModelGrants(grants).data)
