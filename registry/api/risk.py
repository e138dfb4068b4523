"""/api/v1: the risk of a model, and the templates and schema of cards."""

from __future__ import annotations

from drf_spectacular.types import OpenApiTypes
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from core.rest import ApiView, accepts, listed
from registry.api.card_serializers import (
    AssessmentSerializer,
    AssessSerializer,
    RiskSerializer,
    TemplateSerializer,
)
from registry.api.views import actor_of, many
from registry.cards.schema import card_schema
from registry.cards.templates import TEMPLATES
from registry.queries import get_model
from registry.risk import assessment_history, newest_questionnaire
from registry.services.risk import assess_risk


class RiskView(ApiView):
    """GET: a model's risk tier with its reasons, and the questionnaire. POST: answer the questionnaire."""

    @accepts(responses=RiskSerializer)
    def get(self, request: Request, name: str) -> Response:
        """Return a model's risk tier, its assessments and the newest questionnaire. Raises NotFound."""
        history = assessment_history(get_model(actor_of(request), name))
        current = history[0] if history else None
        body = {
            "tier": current.tier if current else "",
            "current": current,
            "history": history,
            "questionnaire": newest_questionnaire(),
        }
        return Response(RiskSerializer(body).data)

    @accepts(body=AssessSerializer, responses={201: AssessmentSerializer})
    def post(self, request: Request, name: str) -> Response:
        """Store answers to the questionnaire and return the new assessment (201).

        Raises NotFound, Denied, InvalidInput, TooLarge (rationale), Conflict (there is a newer assessment).
        """
        body = self.body
        assessment = assess_risk(actor=actor_of(request), name=name, **body)
        return Response(AssessmentSerializer(assessment).data, status=status.HTTP_201_CREATED)


class TemplatesView(ApiView):
    """GET: every version of every card template, with its required fields and its changes."""

    @accepts(responses=listed("templates", TemplateSerializer, paged=False))
    def get(self, request: Request) -> Response:  # noqa: ARG002 - DRF's signature; the same for everybody signed in
        """Return every version of every card template."""
        return Response({"templates": many(TemplateSerializer, list(TEMPLATES))})


class CardSchemaView(ApiView):
    """GET: the JSON Schema of the card document."""

    @accepts(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:  # noqa: ARG002 - DRF's signature; the same for everybody signed in
        """Return the JSON Schema of the card document."""
        return Response(card_schema())
