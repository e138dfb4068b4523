"""The part of the graph that the lineage page draws: now or at a moment, with similar runs folded into one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from core.actors import Actor
from lineage.graph.layout import MAX_DRAWN
from lineage.graph.levels import Filters, walk_levels
from lineage.graph.reads import EdgeRow, neighbours, nodes_by_id
from lineage.models import Node, NodeKind, Relation
from lineage.queries import Closure, ancestors, anchors_of, descendants
from lineage.statements import Direction
from lineage.visibility import hidden_nodes

# Fewer runs with the same neighbours than this are drawn one by one.
_LEAST_FOLDED = 3
# Edges that always come in both directions.
_BOTH_WAYS = (Relation.SAME_BYTES, Relation.SAME_VERSION)
# The most edges of the drawn nodes that are read to count neighbours that are not drawn.
_MAX_OUTER_EDGES = 5000


def closure_of(root: Node, direction: str, as_of: datetime | None) -> Closure:
    """Return the ancestors of a node (`up`), its descendants (`down`), or both (`both`), up to MAX_DRAWN nodes."""
    if direction != "both":
        return _closure_in(root, "up" if direction == "up" else "down", as_of, MAX_DRAWN)
    half = MAX_DRAWN // 2
    above, below = _closure_in(root, "up", as_of, half), _closure_in(root, "down", as_of, half)
    nodes = {node.pk: node for node in [*above.nodes, *below.nodes]}
    edges = {edge.id: edge for edge in [*above.edges, *below.edges]}
    depths = below.depths | {pk: -depth for pk, depth in above.depths.items() if depth}
    return Closure(
        root=root,
        nodes=list(nodes.values()),
        edges=list(edges.values()),
        truncated=above.truncated or below.truncated,
        depths=depths,
        total_seen=above.total_seen + below.total_seen - 1,
    )


def _closure_in(root: Node, direction: Direction, as_of: datetime | None, limit: int) -> Closure:
    """Return the closure in one direction, now or as it was at the moment ``as_of``."""
    if as_of is None:
        return (ancestors if direction == "up" else descendants)(root, limit=limit)
    anchors = anchors_of(root, direction, as_of)
    walked = walk_levels(root.pk, anchors, direction, filters=Filters(as_of=as_of), limit=limit)
    ids = walked.ids[:limit]
    nodes = nodes_by_id(ids)
    edges = [edge for edge in sorted(walked.edges.values()) if edge.src in nodes and edge.dst in nodes]
    depths = {pk: depth for depth, level in enumerate(walked.levels) for pk in level if pk in nodes}
    truncated = len(walked.ids) > limit or not walked.complete
    return Closure(root, [nodes[pk] for pk in ids if pk in nodes], edges, truncated, depths, len(walked.ids))


def visible_part(actor: Actor, closure: Closure) -> Closure:
    """Return a closure without the nodes that the actor may not see, and without their edges."""
    hidden = hidden_nodes(actor, closure.nodes)
    if not hidden:
        return closure
    return replace(
        closure,
        nodes=[node for node in closure.nodes if node.pk not in hidden],
        edges=[edge for edge in closure.edges if edge.src not in hidden and edge.dst not in hidden],
        total_seen=closure.total_seen - len(hidden),
    )


def more_beyond(actor: Actor, closure: Closure, direction: str) -> dict[int, dict[str, int]]:
    """Return how many neighbours outside a truncated closure each node has: inputs (`up`) and descendants (`down`).

    Neighbours that the actor may not see are not counted.
    """
    inside = {node.pk for node in closure.nodes}
    above = {node.pk for node in closure.nodes if direction == "up" or closure.depths.get(node.pk, 0) <= 0}
    below = {node.pk for node in closure.nodes if direction == "down" or closure.depths.get(node.pk, 0) >= 0}
    pairs: list[tuple[int, str, int]] = []
    if direction != "down":
        rows = neighbours(above, "up", limit=_MAX_OUTER_EDGES)
        pairs += [(near, "up", far) for near, far in rows if far not in inside]
    if direction != "up":
        rows = neighbours(below, "down", limit=_MAX_OUTER_EDGES)
        pairs += [(near, "down", far) for near, far in rows if far not in inside]
    hidden = hidden_nodes(actor, nodes_by_id({far for _, _, far in pairs}).values())
    more: dict[int, dict[str, int]] = defaultdict(dict)
    for near, side, _ in {pair for pair in pairs if pair[2] not in hidden}:
        more[near][side] = more[near].get(side, 0) + 1
    return more


def folds_of(closure: Closure, *, keep: int, opened: Collection[int]) -> dict[int, tuple[int, ...]]:
    """Return the folds: groups of runs with the same neighbours, such as the runs of a sweep. The key is the first run.

    The node ``keep`` is never folded. ``opened`` are the first runs of folds that the reader has opened.
    """
    neighbours: dict[int, set[tuple[int, int]]] = defaultdict(set)
    for edge in closure.edges:
        neighbours[edge.src].add((1, edge.dst))
        neighbours[edge.dst].add((-1, edge.src))
    groups: dict[frozenset[tuple[int, int]], list[int]] = defaultdict(list)
    for node in closure.nodes:
        if node.kind == NodeKind.RUN and node.pk != keep:
            groups[frozenset(neighbours[node.pk])].append(node.pk)
    folds = {min(members): tuple(sorted(members)) for members in groups.values() if len(members) >= _LEAST_FOLDED}
    return {first: members for first, members in folds.items() if first not in opened}


def folded(closure: Closure, folds: Mapping[int, tuple[int, ...]]) -> Closure:
    """Return the closure in which the first run of each fold stands for the fold."""
    folded_ids = {pk for first, members in folds.items() for pk in members if pk != first}
    if not folded_ids:
        return closure
    return replace(
        closure,
        nodes=[node for node in closure.nodes if node.pk not in folded_ids],
        edges=[edge for edge in closure.edges if edge.src not in folded_ids and edge.dst not in folded_ids],
    )


def drawn_edges(closure: Closure, direction: str) -> list[EdgeRow]:
    """Return the edges to draw: of two between names of one version, or equal bytes, the one that leads on.

    So the drawing begins, or ends, with the node that the page is about.
    """
    sign = -1 if direction == "up" else 1
    place = {node.pk: (sign * closure.depths.get(node.pk, 0), node.pk) for node in closure.nodes}
    return [edge for edge in closure.edges if edge.rel not in _BOTH_WAYS or place[edge.src] < place[edge.dst]]


def sources_of(edges: Iterable[EdgeRow]) -> dict[int, list[int]]:
    """Return the direct inputs of each node."""
    sources: dict[int, list[int]] = defaultdict(list)
    for edge in edges:
        if edge.src not in sources[edge.dst]:
            sources[edge.dst].append(edge.src)
    return sources


def highlighted_from(start: int, edges: Iterable[EdgeRow], direction: str) -> frozenset[int]:
    """Return the ids that a click on a node highlights: its own, and those of its ancestors, descendants, or both."""
    highlighted = {start}
    for is_downwards in [False] * (direction != "down") + [True] * (direction != "up"):
        neighbours: dict[int, list[int]] = defaultdict(list)
        for edge in edges:
            near, far = (edge.src, edge.dst) if is_downwards else (edge.dst, edge.src)
            neighbours[near].append(far)
        visited, waiting = {start}, [start]
        while waiting:
            unvisited = [pk for pk in neighbours[waiting.pop()] if pk not in visited]
            visited.update(unvisited)
            waiting += unvisited
        highlighted |= visited
    return frozenset(highlighted)
