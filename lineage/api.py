"""/api/v1/lineage: ancestors and descendants of a node, declared edges, and quarantines."""

from __future__ import annotations

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from rest_framework.request import Request
from rest_framework.response import Response

from core.actors import actor_of
from core.rest import ApiView, accepts, filters, page
from lineage.answers import Question, closure_answer, kinds_named, relations_named
from lineage.dataset_names import separate_names, visible_statements
from lineage.declarations import declare_edge, retract_edge
from lineage.graph.levels import Filters
from lineage.models import Node, Relation
from lineage.neighbourhood import graph_answer
from lineage.paths import path_answer
from lineage.quarantine import all_quarantines, place_quarantine, release_quarantine
from lineage.queries import DEFAULT_LIMIT, find_visible, nodes_matching
from lineage.serializers import (
    KINDS,
    EdgeDeclaration,
    GraphQuery,
    NamesQuery,
    NamesSeparation,
    NodesQuery,
    PathQuery,
    QuarantineChange,
    QuarantinesQuery,
    Retraction,
    WalkQuery,
    edge_json,
    node_json,
    quarantine_json,
    statement_json,
)
from lineage.statements import Direction
from lineage.visibility import MAX_SIFTED, hidden_nodes, known_nodes, require_known_edge

_LISTED = 100
_SEARCHED = 100_000
_QUARANTINE_FILTERS = {
    "dataset_version": "node__urn",
    "placed_by": "placed_by",
    "released_by": "released_by",
    "since": "placed_at__gte",
    "until": "placed_at__lt",
}
_QUARANTINE_STATES = {"in_force": {"released_at__isnull": True}, "released": {"released_at__isnull": False}, "all": {}}
_WALKS: dict[str, Direction] = {"ancestors": "up", "descendants": "down"}


class WalkView(ApiView):
    """GET: the ancestors or descendants of a node, nearest first; `truncated` tells whether some are left out."""

    @accepts(query=WalkQuery, responses=OpenApiTypes.OBJECT, operation_id="api_v1_lineage_walk_retrieve")
    def get(self, request: Request, urn: str, walk: str) -> HttpResponse:
        """Return the ancestors or descendants of a node, nearest first. Raises NotFound, InvalidInput."""
        query = self.query
        filters = Filters(
            as_of=query.get("as_of"),
            rels=relations_named(_names(query.get("rel", ""))),
            roles=frozenset(_names(query.get("role", ""))),
        )
        question = Question(
            _WALKS[walk],
            limit=query.get("max_nodes", DEFAULT_LIMIT),
            kinds=kinds_named(_names(query.get("kind", ""))),
            filters=filters,
            offset=int(query.get("cursor", 0)),
        )
        return _json(closure_answer(actor_of(request), urn, question))


class GraphView(ApiView):
    """GET: the graph some steps around a node, with groups of similar nodes."""

    @accepts(query=GraphQuery, responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, urn: str) -> HttpResponse:
        """Return the graph around a node. Raises NotFound."""
        query = self.query
        answer = graph_answer(
            actor_of(request),
            urn,
            up=query["up"],
            down=query["down"],
            collapse=query["collapse"],
            as_of=query.get("as_of"),
            limit=query.get("max_nodes", DEFAULT_LIMIT),
        )
        return _json(answer)


class PathView(ApiView):
    """GET: why one node is upstream of another: one shortest path."""

    @accepts(query=PathQuery, responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> HttpResponse:
        """Return one shortest path between two nodes; `connected` is false where there is none. Raises NotFound."""
        return _json(path_answer(actor_of(request), self.query["from"], self.query["to"], limit=_SEARCHED))


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _json(body: bytes) -> HttpResponse:
    return HttpResponse(body, content_type="application/json")


class NodesView(ApiView):
    """GET: the first hundred nodes of a kind, or with a text in the name or version or at the start of the digest."""

    @accepts(query=NodesQuery, responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """Return up to 100 nodes that the caller may see, by kind and name. `truncated` says that there may be more."""
        query = self.query
        nodes = nodes_matching(kind=KINDS.get(query.get("kind", "")), text=query.get("q", ""), limit=MAX_SIFTED)
        visible = known_nodes(actor_of(request), nodes)
        cut = len(visible) > _LISTED or len(nodes) == MAX_SIFTED
        return Response({"nodes": [node_json(node) for node in visible[:_LISTED]], "truncated": cut})


class EdgesView(ApiView):
    """POST: declare that one artifact was used to make another."""

    @accepts(body=EdgeDeclaration, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        """Declare an edge and return it (201). Raises NotFound (a node), Conflict (the edge would close a cycle)."""
        body = self.body
        edge = declare_edge(
            actor=actor_of(request),
            src_urn=body["source"],
            dst_urn=body["target"],
            rel=Relation[body["relation"]],
            role=body["role"],
            reason=body["reason"],
        )
        return Response(edge_json(edge, {edge.src_id: edge.src.urn, edge.dst_id: edge.dst.urn}), status=201)


class RetractView(ApiView):
    """POST: retract an edge, with a reason; the retracted edge is kept outside the graph."""

    @accepts(body=Retraction, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, edge_id: int) -> Response:
        """Retract an edge and return its id, who retracted it and why.

        Raises NotFound, InvalidInput (no reason), Denied (an observed edge, or somebody else's).
        """
        body = self.body
        require_known_edge(actor_of(request), edge_id)
        retracted = retract_edge(actor=actor_of(request), edge_id=edge_id, reason=body["reason"])
        return Response({"id": retracted.edge_id, "retracted_by": retracted.retracted_by, "reason": retracted.reason})


class NamesView(ApiView):
    """GET: the statements of events that give a dataset other names."""

    @accepts(query=NamesQuery, responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """Return which names mean the same dataset, and who said so. Raises NotFound."""
        actor = actor_of(request)
        dataset = find_visible(actor, self.query["dataset"])
        return Response({"names": [statement_json(row) for row in visible_statements(actor, dataset)]})


class SeparateNamesView(ApiView):
    """POST: decide that two names do not mean one dataset; people only."""

    @accepts(body=NamesSeparation, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request) -> Response:
        """Separate two names and return who did so. Raises NotFound, InvalidInput, Denied, Conflict."""
        body = self.body
        decision = separate_names(
            actor=actor_of(request), dataset_urn=body["dataset"], other_urn=body["other"], reason=body["reason"]
        )
        body = {"separated_by": decision.separated_by, "separated_at": decision.separated_at, "reason": decision.reason}
        return Response(body)


class QuarantinesView(ApiView):
    """GET: the quarantines in force, newest first. POST: quarantine a dataset version."""

    @accepts(query=QuarantinesQuery, responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """Return one page of quarantines of datasets that the caller may see, newest first.

        It lists quarantines in force where `state` is not given.
        """
        query = self.query
        conditions = filters(query, _QUARANTINE_FILTERS) | _QUARANTINE_STATES[query["state"]]
        matching = all_quarantines().filter(**conditions)
        nodes = Node.objects.filter(pk__in=matching.order_by().values("node"))
        rows, paging = page(matching.exclude(node__in=hidden_nodes(actor_of(request), nodes)), query)
        return Response({"quarantines": [quarantine_json(row) for row in rows], **paging})

    @accepts(body=QuarantineChange, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        """Quarantine a dataset version and return the quarantine (201).

        Raises NotFound, InvalidInput (no dataset version, no reason), Denied, Conflict (it is in quarantine already).
        """
        body = self.body
        find_visible(actor_of(request), body["dataset_version"])
        quarantine = place_quarantine(actor=actor_of(request), urn=body["dataset_version"], reason=body["reason"])
        return Response(quarantine_json(quarantine), status=201)


class ReleaseView(ApiView):
    """POST: end the quarantine of a dataset version; people only."""

    @accepts(body=QuarantineChange, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request) -> Response:
        """End the quarantine of a dataset version and return it.

        Raises NotFound, InvalidInput (no reason), Denied, Conflict (it is not in quarantine).
        """
        body = self.body
        find_visible(actor_of(request), body["dataset_version"])
        quarantine = release_quarantine(actor=actor_of(request), urn=body["dataset_version"], reason=body["reason"])
        return Response(quarantine_json(quarantine))
