"""The part of the graph that the lineage page draws: now or at a moment, with similar runs folded into one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime

from core.actors import Actor
from lineage.answers import anchors_of
from lineage.graph.layout import MAX_DRAWN
from lineage.graph.levels import Filters, walk_levels
from lineage.models import Edge, Node, NodeKind
from lineage.queries import Closure, ancestors, descendants
from lineage.statements import Direction
from lineage.visibility import hidden_nodes

# Fewer runs than this are drawn one by one.
_LEAST_FOLDED = 3


def closure_of(root: Node, direction: str, as_of: datetime | None) -> Closure:
    """Return the ancestors of a node, its descendants, or both, up to MAX_DRAWN nodes."""
    if direction != "both":
        return _one(root, "up" if direction == "up" else "down", as_of, MAX_DRAWN)
    half = MAX_DRAWN // 2
    above, below = _one(root, "up", as_of, half), _one(root, "down", as_of, half)
    nodes = {node.pk: node for node in [*above.nodes, *below.nodes]}
    edges = {edge.pk: edge for edge in [*above.edges, *below.edges]}
    depths = below.depths | {pk: -depth for pk, depth in above.depths.items() if depth}
    return Closure(
        root=root,
        nodes=list(nodes.values()),
        edges=list(edges.values()),
        truncated=above.truncated or below.truncated,
        depths=depths,
        total_seen=above.total_seen + below.total_seen - 1,
    )


def _one(root: Node, direction: Direction, as_of: datetime | None, limit: int) -> Closure:
    if as_of is None:
        return (ancestors if direction == "up" else descendants)(root, limit=limit)
    anchors = anchors_of(root, direction, as_of)
    walked = walk_levels(root.pk, anchors, direction, filters=Filters(as_of=as_of), limit=limit)
    ids = walked.ids[:limit]
    nodes = Node.objects.select_related("container").in_bulk(ids)
    edges = [
        Edge(pk=row.id, src_id=row.src, dst_id=row.dst, rel=row.rel, role=row.role)
        for row in sorted(walked.edges.values())
        if row.src in nodes and row.dst in nodes
    ]
    depths = {pk: depth for depth, level in enumerate(walked.levels) for pk in level if pk in nodes}
    truncated = len(walked.ids) > limit or not walked.complete
    return Closure(root, [nodes[pk] for pk in ids if pk in nodes], edges, truncated, depths, len(walked.ids))


def known_part(actor: Actor, closure: Closure) -> Closure:
    """Return a closure without the nodes that the actor may not see, and without their edges."""
    hidden = hidden_nodes(actor, closure.nodes)
    if not hidden:
        return closure
    return replace(
        closure,
        nodes=[node for node in closure.nodes if node.pk not in hidden],
        edges=[edge for edge in closure.edges if edge.src_id not in hidden and edge.dst_id not in hidden],
        total_seen=closure.total_seen - len(hidden),
    )


def folds_of(closure: Closure, *, keep: int, opened: Collection[int]) -> dict[int, tuple[int, ...]]:
    """Return the runs with the same neighbours, such as those of a sweep, by the first of each fold.

    ``keep`` is never folded; ``opened`` are the first runs of folds that the reader opened.
    """
    around: dict[int, set[tuple[int, int]]] = defaultdict(set)
    for edge in closure.edges:
        around[edge.src_id].add((1, edge.dst_id))
        around[edge.dst_id].add((-1, edge.src_id))
    alike: dict[frozenset[tuple[int, int]], list[int]] = defaultdict(list)
    for node in closure.nodes:
        if node.kind == NodeKind.RUN and node.pk != keep:
            alike[frozenset(around[node.pk])].append(node.pk)
    folds = {min(members): tuple(sorted(members)) for members in alike.values() if len(members) >= _LEAST_FOLDED}
    return {first: members for first, members in folds.items() if first not in opened}


def folded(closure: Closure, folds: Mapping[int, tuple[int, ...]]) -> Closure:
    """Return the closure in which the first run of each fold stands for the fold."""
    gone = {pk for first, members in folds.items() for pk in members if pk != first}
    if not gone:
        return closure
    return replace(
        closure,
        nodes=[node for node in closure.nodes if node.pk not in gone],
        edges=[edge for edge in closure.edges if edge.src_id not in gone and edge.dst_id not in gone],
    )
