"""/api/v1: signed statements of the approvals of a version."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from approvals.statements.envelopes import statements_of
from core.actors import actor_of
from core.rest import ApiView, accepts
from registry.queries import get_version


class SignatureSerializer(serializers.Serializer[Any]):
    """A signature of a DSSE envelope."""

    keyid = serializers.CharField()
    sig = serializers.CharField()


class StatementEnvelopeSerializer(serializers.Serializer[Any]):
    """A DSSE envelope; its payload is an in-toto statement."""

    payloadType = serializers.CharField()  # noqa: N815 - DSSE's name
    payload = serializers.CharField()
    signatures = SignatureSerializer(many=True)


class StatementsSerializer(serializers.Serializer[Any]):
    """The signed statements of a version, and the public keys."""

    name = serializers.CharField()
    version = serializers.IntegerField()
    digest = serializers.CharField()
    keys = serializers.ListField(child=serializers.CharField())
    statements = StatementEnvelopeSerializer(many=True)


class StatementsView(ApiView):
    """GET: the decisions behind the applied requests of a version, each in an envelope that the server signed."""

    @accepts(responses=StatementsSerializer)
    def get(self, request: Request, name: str, version: int) -> Response:
        """Return the signed statements. Raises NotFound, InvalidState (no digest), Unavailable (no key)."""
        return Response(statements_of(get_version(actor_of(request), name, version)))
