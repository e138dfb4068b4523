"""The graph around a node: some steps up and down, with groups of similar runs or versions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from core.actors import Actor
from lineage.answers import edges_json, nodes_json, quoted_urns
from lineage.graph.levels import Filters, Levels, walk_levels
from lineage.graph.reads import EdgeRow, NodeRow, nodes_by_id
from lineage.models import Node, NodeKind
from lineage.queries import anchors_of, find_visible
from lineage.statements import Direction
from lineage.uncertainty import warnings_of
from lineage.visibility import hidden_nodes

_FOLDED = {"runs": (NodeKind.RUN,), "versions": (NodeKind.DATASET_VERSION, NodeKind.MODEL_VERSION)}
COLLAPSES = ("none", *_FOLDED)


@dataclass(frozen=True, slots=True)
class Group:
    """Nodes that a drawing shows as one: runs with the same neighbours, or versions of one dataset or model."""

    first: int
    members: tuple[int, ...]


def graph_answer(
    actor: Actor, urn: str, *, up: int, down: int, collapse: str, as_of: datetime | None, limit: int
) -> bytes:
    """Return the graph ``up`` and ``down`` steps around a node as JSON.

    Raises NotFound: an unknown node, or one that the actor may not see.
    """
    start = find_visible(actor, urn)
    filters = Filters(as_of=as_of)
    walks: dict[Direction, Levels] = {
        "up": _walk(start, "up", up, filters, limit),
        "down": _walk(start, "down", down, filters, limit),
    }
    depths = _signed_depths(walks)
    ids = list(depths)[:limit]
    read = nodes_by_id(ids)
    hidden = hidden_nodes(actor, read.values())
    nodes = {pk: node for pk, node in read.items() if pk not in hidden}
    edges = {pk: edge for walk in walks.values() for pk, edge in walk.edges.items()}
    inner_edges = [edge for _, edge in sorted(edges.items()) if edge.src in nodes and edge.dst in nodes]
    groups = groups_of(list(nodes.values()), inner_edges, collapse, keep=start.pk)
    urns = {pk: node.urn for pk, node in nodes.items()}
    quoted = quoted_urns(nodes.values())
    body: dict[str, Any] = {
        "root": start.urn,
        "nodes": nodes_json([nodes[pk] for pk in ids if pk in nodes], depths, quoted),
        "edges": edges_json(inner_edges, quoted),
        "groups": [
            {"kind": NodeKind(nodes[group.first].kind).name.lower(), "count": len(group.members),
             "members": [urns[pk] for pk in group.members]}
            for group in groups
        ],
        "truncated": len(depths) > limit,
        "frontier": [urns[pk] for walk in walks.values() for pk in _ends(walk) if pk in urns],
        "as_of": as_of,
        "total_seen": len(depths) - len(hidden),
        "warnings": warnings_of(nodes.values()),
    }  # fmt: skip
    return orjson.dumps(body)


def _walk(start: Node, direction: Direction, steps: int, filters: Filters, limit: int) -> Levels:
    anchors = anchors_of(start, direction, filters.as_of)
    if not steps:
        return Levels([[start.pk]], complete=False)
    return walk_levels(start.pk, anchors, direction, filters=filters, limit=limit + 1, deepest=steps)


def _signed_depths(walks: dict[Direction, Levels]) -> dict[int, int]:
    """Return the distance of each node, negative for ancestors; nearest first."""
    depths: dict[int, int] = {}
    longest = max(len(walk.levels) for walk in walks.values())
    for depth in range(longest):
        for direction, walk in walks.items():
            level = walk.levels[depth] if depth < len(walk.levels) else []
            for pk in level:
                depths.setdefault(pk, -depth if direction == "up" else depth)
    return depths


def _ends(walk: Levels) -> Sequence[int]:
    """Return the nodes of the last level, at most 100, where more nodes follow."""
    return [] if walk.complete else walk.levels[-1][:100]


def groups_of(nodes: Sequence[NodeRow], edges: Iterable[EdgeRow], collapse: str, *, keep: int) -> list[Group]:
    """Return the groups of two or more similar nodes. The node ``keep`` is in none.

    Runs are similar when they have the same neighbours in the graph, as those of a sweep. Versions are similar when
    they have the same container.
    """
    kinds = _FOLDED.get(collapse, ())
    similar: dict[Any, list[int]] = defaultdict(list)
    neighbours: dict[int, set[tuple[int, int]]] = defaultdict(set)
    for edge in edges:
        neighbours[edge.src].add((1, edge.dst))
        neighbours[edge.dst].add((-1, edge.src))
    containers = _containers([node.id for node in nodes]) if collapse == "versions" else {}
    for node in sorted(nodes):
        if node.kind in kinds and node.id != keep:
            key = frozenset(neighbours[node.id]) if collapse == "runs" else containers.get(node.id)
            similar[key].append(node.id)
    return [Group(members[0], tuple(members)) for members in similar.values() if len(members) > 1]


def _containers(ids: Sequence[int]) -> dict[int, int]:
    rows = Node.objects.filter(pk__in=ids, container_id__isnull=False).values_list("pk", "container_id")
    return dict(rows)
