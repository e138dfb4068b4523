"""A shortest path from one node to another, which shows why the first is upstream of the second."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import orjson

from core.actors import Actor
from lineage.answers import edges_json, nodes_json, quoted_urns
from lineage.graph.levels import Filters, walk_levels
from lineage.graph.reads import EdgeRow, nodes_by_id
from lineage.queries import anchors_of, find_visible
from lineage.visibility import hidden_nodes


def path_answer(actor: Actor, source: str, target: str, *, limit: int) -> bytes:
    """Return one shortest path along which ``source`` flowed into ``target``, as JSON.

    The walk ends with ``limit`` nodes; `truncated` says that it found no path before. Nodes on the path that the actor
    may not see are left out. Raises NotFound: an end is unknown, or the actor may not see it.
    """
    first, last = (find_visible(actor, urn) for urn in (source, target))
    goals = set(anchors_of(first, "down")) | {first.pk}
    anchors = anchors_of(last, "up")
    walked = walk_levels(last.pk, anchors, "up", filters=Filters(), limit=limit)
    depths = {pk: depth for depth, level in enumerate(walked.levels) for pk in level}
    reached = min((pk for pk in goals if pk in depths), key=lambda pk: (depths[pk], pk), default=None)
    edges = [] if reached is None else _path(reached, depths, walked.edges.values())
    ids = [] if reached is None else list(dict.fromkeys([reached, *(edge.dst for edge in edges), last.pk]))
    nodes = nodes_by_id(ids)
    hidden = hidden_nodes(actor, nodes.values())
    visible = [nodes[pk] for pk in ids if pk not in hidden]
    quoted = quoted_urns(visible)
    body = {
        "from": first.urn,
        "to": last.urn,
        "connected": reached is not None,
        "nodes": nodes_json(visible, {}, quoted),
        "edges": edges_json(edges, quoted),
        "truncated": reached is None and not walked.complete,
    }
    return orjson.dumps(body)


def _path(start: int, depths: Mapping[int, int], edges: Iterable[EdgeRow]) -> list[EdgeRow]:
    """Return the edges of a shortest path downstream: each leads one step nearer to the start of the walk."""
    nearer: dict[int, EdgeRow] = {}
    for edge in sorted(edges, reverse=True):
        if depths.get(edge.src, 0) == depths.get(edge.dst, 0) + 1:
            nearer[edge.src] = edge
    path = []
    while start in nearer:
        path.append(nearer[start])
        start = nearer[start].dst
    return path
