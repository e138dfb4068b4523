"""/api/v1/lineage/suggestions: suggested edges, and the decision on one."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from core.actors import actor_of
from core.rest import ApiView, accepts
from lineage.models import Node, SuggestionDecision
from lineage.queries import find_visible
from lineage.statements import walk_ids
from lineage.suggestions.decide import confirm_suggestion, reject_suggestion
from lineage.suggestions.derive import open_suggestions
from lineage.suggestions.generate import waiting_changes
from lineage.suggestions.methods import Method, Suggestion

_NEAREST = 300


class SuggestionsQuery(serializers.Serializer[Any]):
    """Query parameters of the list of suggestions: the URN of the node around which they are."""

    node = serializers.CharField(max_length=700, trim_whitespace=False)


class SuggestionDecisionBody(serializers.Serializer[Any]):
    """The body that decides on a suggestion: its ends, its method, and why."""

    source = serializers.CharField(max_length=700, trim_whitespace=False)  # type: ignore[assignment]  # a field named like an attribute of Field
    target = serializers.CharField(max_length=700, trim_whitespace=False)
    method = serializers.ChoiceField(choices=[method.value for method in Method])
    reason = serializers.CharField(max_length=500)


class SuggestionsView(ApiView):
    """GET: the suggested edges around a node."""

    @accepts(query=SuggestionsQuery, responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """Return suggested edges with an end among the 300 nearest ancestors or descendants. Raises NotFound."""
        actor = actor_of(request)
        node = find_visible(actor, self.query["node"])
        ids = {pk for direction in ("up", "down") for pk in walk_ids([node.pk], direction, limit=_NEAREST)}
        nodes = list(Node.objects.filter(pk__in=ids))
        suggestions = open_suggestions(actor, nodes)
        rows = [suggestion_json(suggestion) for suggestion in suggestions]
        return Response({"suggestions": rows, "waiting": waiting_changes(actor)})


class ConfirmSuggestionView(ApiView):
    """POST: turn a suggested edge into a declared one."""

    @accepts(body=SuggestionDecisionBody, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request) -> Response:
        """Confirm a suggestion and return the decision.

        Raises NotFound (no such edge is suggested), Denied, Conflict (a cycle, or somebody decided first).
        """
        body = self.body
        return _decided(
            confirm_suggestion(
                actor=actor_of(request),
                src_urn=body["source"],
                dst_urn=body["target"],
                method=body["method"],
                reason=body["reason"],
            )
        )


class RejectSuggestionView(ApiView):
    """POST: reject a suggested edge for good."""

    @accepts(body=SuggestionDecisionBody, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request) -> Response:
        """Reject a suggestion and return the decision.

        Raises NotFound (no such edge is suggested), Denied, Conflict (somebody decided first).
        """
        body = self.body
        return _decided(
            reject_suggestion(
                actor=actor_of(request),
                src_urn=body["source"],
                dst_urn=body["target"],
                method=body["method"],
                reason=body["reason"],
            )
        )


def suggestion_json(suggestion: Suggestion) -> dict[str, Any]:
    """Return an open suggestion."""
    return {
        "source": suggestion.src.urn,
        "target": suggestion.dst.urn,
        "relation": suggestion.relation.name,
        "method": suggestion.method.value,
        "confidence": suggestion.confidence,
        "evidence": suggestion.evidence,
    }


def _decided(decision: SuggestionDecision) -> Response:
    return Response(
        {
            "state": decision.state,
            "decided_by": decision.decided_by,
            "decided_at": decision.decided_at,
            "reason": decision.reason,
        }
    )
