"""The ancestry of a node at a moment: the edges accepted by then, including those retracted since."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from lineage.models import Edge, Node, NodeKind, Relation, RetractedEdge

_MOST_STEPS = 100


@dataclass(frozen=True, slots=True)
class PastEdge:
    """An edge at a moment in the past. ``src`` and ``dst`` are URNs."""

    src: str
    dst: str
    relation: str
    role: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class PastNode:
    """A node by the facts that do not change, and its digest as it is known today."""

    urn: str
    kind: str
    version: str
    digest: str


@dataclass(frozen=True, slots=True)
class Ancestry:
    """Nodes and edges, in the order of their URNs. ``truncated`` says that some ancestors are missing."""

    nodes: tuple[PastNode, ...]
    edges: tuple[PastEdge, ...]
    truncated: bool


def ancestors_as_of(node_id: int, at: datetime, *, limit: int = 2000) -> Ancestry:
    """Return the ancestors that a node had at a moment, with the node itself; nothing for an unknown node.

    The walk ends after 100 steps, or with more than ``limit`` nodes. Each step is two queries. The node is given by its
    id, which does not change when a model is renamed.
    """
    seen, keys, frontier = {node_id}, set[tuple[int, int, int, str, datetime]](), {node_id}
    for _ in range(_MOST_STEPS):
        edges = _into(frontier, at)
        keys |= edges
        frontier = {src for src, *_ in edges} - seen
        seen |= frontier
        if not frontier or len(seen) > limit:
            break
    nodes = Node.objects.in_bulk(sorted(seen)[:limit])
    inner_edges = [edge for edge in keys if edge[0] in nodes and edge[1] in nodes]
    return Ancestry(
        tuple(sorted((_node(node) for node in nodes.values()), key=lambda node: node.urn)),
        tuple(
            sorted(
                (_edge(edge, nodes) for edge in inner_edges),
                key=lambda edge: (edge.dst, edge.src, edge.relation, edge.role),
            )
        ),
        truncated=len(seen) > limit or bool(frontier),
    )


def _into(nodes: Iterable[int], at: datetime) -> set[tuple[int, int, int, str, datetime]]:
    columns = ("src_id", "dst_id", "rel", "role", "recorded_at")
    ids = list(nodes)
    now = Edge.objects.filter(dst_id__in=ids, recorded_at__lte=at).values_list(*columns)
    since = RetractedEdge.objects.filter(dst_id__in=ids, recorded_at__lte=at, retracted_at__gt=at).values_list(*columns)
    return {*now, *since}


def _node(node: Node) -> PastNode:
    return PastNode(node.urn, NodeKind(node.kind).label, node.version, node.digest)


def _edge(edge: tuple[int, int, int, str, datetime], nodes: dict[int, Node]) -> PastEdge:
    src, dst, rel, role, recorded = edge
    return PastEdge(nodes[src].urn, nodes[dst].urn, Relation(rel).label, role, recorded)
