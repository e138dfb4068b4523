"""/api/v1/lineage: ancestors and descendants of a node, declared edges, and quarantines."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.actors import actor_of
from lineage.models import Relation
from lineage.quarantine import place_quarantine, release_quarantine, standing
from lineage.queries import DEFAULT_LIMIT, ancestors, descendants, find_node, nodes_matching
from lineage.serializers import (
    KINDS,
    EdgeDeclaration,
    NodesQuery,
    QuarantineChange,
    Retraction,
    WalkQuery,
    closure_json,
    edge_json,
    node_json,
    quarantine_json,
)
from lineage.services import declare_edge, retract_edge
from lineage.visibility import MOST_SIFTED, known_nodes, require_known_edge, require_visible

_LISTED = 100
_QUARANTINES = 1000
_WALKS = {"ancestors": ancestors, "descendants": descendants}


def _valid(serializer: Any) -> dict[str, Any]:
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


class WalkView(APIView):
    """GET: the ancestors or descendants of a node, nearest first; `truncated` tells whether some are left out."""

    @extend_schema(parameters=[WalkQuery], responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, urn: str, walk: str) -> Response:
        """Return the ancestors or descendants of a node, nearest first. Raises NotFound."""
        wanted = _valid(WalkQuery(data=request.query_params))
        start = find_node(urn)
        require_visible(actor_of(request), start)
        closure = _WALKS[walk](start, limit=wanted.get("max_nodes", DEFAULT_LIMIT))
        return Response(closure_json(closure, actor=actor_of(request), kind=wanted.get("kind", "")))


class NodesView(APIView):
    """The first hundred nodes of a kind, or with a text in their name, version or digest."""

    @extend_schema(parameters=[NodesQuery], responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """Return up to 100 nodes that the caller may see, by kind and name."""
        wanted = _valid(NodesQuery(data=request.query_params))
        found = nodes_matching(kind=KINDS.get(wanted.get("kind", "")), text=wanted.get("q", ""), limit=MOST_SIFTED)
        return Response({"nodes": [node_json(node) for node in known_nodes(actor_of(request), found)[:_LISTED]]})


class EdgesView(APIView):
    """POST: declare that one artifact was used to make another."""

    @extend_schema(request=EdgeDeclaration, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        """Declare an edge and return it (201). Raises NotFound (a node), Conflict (the edge would close a cycle)."""
        body = _valid(EdgeDeclaration(data=request.data))
        for urn in (body["source"], body["target"]):
            require_visible(actor_of(request), find_node(urn))
        edge = declare_edge(
            actor=actor_of(request),
            src_urn=body["source"],
            dst_urn=body["target"],
            rel=Relation[body["relation"]],
            role=body["role"],
            reason=body["reason"],
        )
        return Response(edge_json(edge, {edge.src_id: edge.src.urn, edge.dst_id: edge.dst.urn}), status=201)


class RetractView(APIView):
    """POST: retract an edge, with a reason; the retracted edge is kept outside the graph."""

    @extend_schema(request=Retraction, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, edge_id: int) -> Response:
        """Retract an edge and return its id, who retracted it and why.

        Raises NotFound, InvalidInput (no reason), Denied (an observed edge, or somebody else's).
        """
        body = _valid(Retraction(data=request.data))
        require_known_edge(actor_of(request), edge_id)
        kept = retract_edge(actor=actor_of(request), edge_id=edge_id, reason=body["reason"])
        return Response({"id": kept.edge_id, "retracted_by": kept.retracted_by, "reason": kept.reason})


class QuarantinesView(APIView):
    """GET: the quarantines in force, newest first. POST: quarantine a dataset version."""

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:  # noqa: ARG002 - DRF's signature; everybody signed in may know
        """Return up to 1000 quarantines in force, newest first."""
        return Response({"quarantines": [quarantine_json(row) for row in standing()[:_QUARANTINES]]})

    @extend_schema(request=QuarantineChange, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        """Quarantine a dataset version and return the quarantine (201).

        Raises NotFound, InvalidInput (no dataset version, no reason), Denied, Conflict (it is in quarantine already).
        """
        body = _valid(QuarantineChange(data=request.data))
        made = place_quarantine(actor=actor_of(request), urn=body["dataset_version"], reason=body["reason"])
        return Response(quarantine_json(made), status=201)


class ReleaseView(APIView):
    """POST: end the quarantine of a dataset version; people only."""

    @extend_schema(request=QuarantineChange, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request) -> Response:
        """End the quarantine of a dataset version and return it.

        Raises NotFound, InvalidInput (no reason), Denied, Conflict (it is not in quarantine).
        """
        body = _valid(QuarantineChange(data=request.data))
        done = release_quarantine(actor=actor_of(request), urn=body["dataset_version"], reason=body["reason"])
        return Response(quarantine_json(done))
