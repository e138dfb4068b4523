"""Answers of /api/v1/lineage about the graph as JSON bytes: closures, the graph around a node, and paths."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from json.encoder import encode_basestring
from typing import Any

import orjson

from core.actors import Actor
from core.errors import InvalidInput, NotFound
from lineage.graph.closure import Read, read_closure, read_closure_of
from lineage.graph.levels import Filters, edges_from, is_served, walk_levels
from lineage.graph.reads import EdgeRow, NodeRow, count_closure, distances, nodes_by_id, read_of_kinds
from lineage.models import Node, NodeKind, Relation
from lineage.queries import DEFAULT_LIMIT, anchors_of, find_node
from lineage.statements import Direction
from lineage.uncertainty import warnings_of
from lineage.visibility import hidden_nodes, unknown_node
from lineage.whole_closures import whole_closure

# How many nodes are counted where not all are returned, and how many nodes `frontier` of an answer names at most.
MAX_COUNTED = 200_000
MAX_FRONTIER = 100
_DEPTH = ',"depth":%d'
_KINDS = {kind.value: kind.name.lower() for kind in NodeKind}
_RELATIONS = {rel.value: rel.name for rel in Relation}
# The node that a walk starts from.
Start = Node | NodeRow


@dataclass(frozen=True, slots=True)
class Question:
    """A request for the ancestors or descendants of a node. ``offset`` is the number of nodes on earlier pages."""

    direction: Direction
    limit: int = DEFAULT_LIMIT
    kinds: frozenset[NodeKind] = frozenset()
    filters: Filters = field(default_factory=Filters)
    offset: int = 0


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of the ancestors or descendants: nodes, nearest first, the edges among them, and their distances.

    ``seen`` is the number of nodes that the walk reached. ``frontier`` are nodes of the part with neighbours beyond it.
    ``earlier`` are nodes of earlier pages at which edges of this page end. ``reached`` are the ids of all nodes that a
    paged walk reached.
    """

    nodes: list[NodeRow]
    edges: list[EdgeRow]
    depths: Mapping[int, int]
    seen: int
    truncated: bool
    frontier: list[int]
    earlier: list[NodeRow] = field(default_factory=list)
    reached: tuple[int, ...] = ()


def closure_answer(actor: Actor, urn: str, question: Question) -> bytes:
    """Return the ancestors or descendants of a node as JSON. Raises NotFound: no node, or one the actor may not see."""
    try:
        return _closure_answer(actor, urn, question)
    except NotFound as error:  # of a hidden node nobody learns how it is spelt
        raise NotFound(f"The lineage graph does not know {urn[:200]!r}.") from error


def _closure_answer(actor: Actor, urn: str, question: Question) -> bytes:
    is_plain = not question.kinds and not question.filters and not question.offset
    read = read_closure_of(urn, question.direction, limit=question.limit) if is_plain else None
    if read and 0 < read.seen <= question.limit:
        root = read.ids[read.urns.index(urn)]
        return _whole(actor, root, [root], question, read)
    start = find_node(urn)
    anchors = anchors_of(start, question.direction, question.filters.as_of)
    if question.kinds and not question.filters and not question.offset:
        return _kinds_answer(actor, start, anchors, question)
    if is_plain:
        read = read_closure(list(dict.fromkeys([*anchors, start.pk])), question.direction, limit=question.limit)
        if read.seen <= question.limit:
            return _whole(actor, start.pk, anchors, question, read)
    return _answer(actor, start, anchors, question, _page(start, anchors, question))


def _whole(actor: Actor, root: int, anchors: list[int], question: Question, read: Read) -> bytes:
    body = whole_closure(actor, root, anchors, question.direction, read)
    if body is not None:
        return orjson.dumps(body)
    start = next(node for node in read.nodes if node.id == root)
    return _answer(actor, start, anchors, question, _part(start, anchors, question, read))


def _part(start: Start, anchors: list[int], question: Question, read: Read) -> _Part:
    """Return the part without nodes that are reached only through an ended deployment."""
    by_id = {node.id: node for node in read.nodes}
    serves = Relation.SERVES.value
    flowing = [edge for edge in read.edges if edge.rel != serves or _flows(edge, by_id, question.filters.as_of)]
    depths = distances(start.pk, anchors, flowing, question.direction)
    if len(depths) < len(by_id):
        flowing = [edge for edge in flowing if edge.src in depths and edge.dst in depths]
    return _Part([by_id[pk] for pk in depths if pk in by_id], flowing, depths, read.seen, truncated=False, frontier=[])


def _flows(edge: EdgeRow, nodes: Mapping[int, NodeRow], as_of: datetime | None) -> bool:
    if edge.rel != Relation.SERVES or edge.src not in nodes:
        return True
    attrs = nodes[edge.src].attrs
    return '"ended_at"' not in attrs or is_served(orjson.loads(attrs), as_of)


def _page(start: Node, anchors: list[int], question: Question) -> _Part:
    """Return one page in the order of distance and id, with its frontier where more nodes follow."""
    last = question.offset + question.limit
    walked = walk_levels(start.pk, anchors, question.direction, filters=question.filters, limit=last)
    ids = walked.ids
    page = ids[question.offset : last]
    page_ids, before = set(page), set(ids[: question.offset])
    edges = [edge for edge in walked.edges.values() if _belongs(edge, page_ids, before)]
    nodes = nodes_by_id(page)
    earlier = nodes_by_id({end for edge in edges for end in (edge.src, edge.dst)} & before)
    flowing = [edge for edge in edges if _flows(edge, nodes | earlier, question.filters.as_of)]
    depths = {pk: depth for depth, level in enumerate(walked.levels) for pk in level}
    truncated = len(ids) > last or not walked.complete
    frontier = _frontier(page, set(ids[:last]), question) if truncated else []
    ordered = [nodes[pk] for pk in page if pk in nodes]
    return _Part(ordered, flowing, depths, len(ids), truncated, frontier, list(earlier.values()), tuple(ids))


def _belongs(edge: EdgeRow, page: set[int], before: set[int]) -> bool:
    """Return whether an edge is new on a page: one end is on this page, the other on this or an earlier one."""
    return (edge.src in page and (edge.dst in page or edge.dst in before)) or (edge.dst in page and edge.src in before)


def _frontier(page: list[int], reached: set[int], question: Question) -> list[int]:
    """Return the nodes of a page with neighbours that are on no page so far, the farthest first, at most 100."""
    ends: dict[int, None] = {}
    for start in range(len(page), 0, -500):
        for edge in edges_from(page[max(0, start - 500) : start], question.direction, question.filters):
            near, far = (edge.dst, edge.src) if question.direction == "up" else (edge.src, edge.dst)
            if far not in reached:
                ends[near] = None
        if len(ends) >= MAX_FRONTIER:
            break
    return list(ends)[:MAX_FRONTIER]


def _kinds_answer(actor: Actor, start: Node, anchors: list[int], question: Question) -> bytes:
    """Return only the nodes of some kinds, without distances: those would need every edge on the way."""
    starts = list(dict.fromkeys([*anchors, start.pk]))
    nodes, _ = read_of_kinds(starts, question.direction, question.kinds, limit=MAX_COUNTED)
    root = [] if any(node.id == start.pk for node in nodes) else list(nodes_by_id([start.pk]).values())
    if NodeKind.ENDPOINT in question.kinds and question.direction == "down":
        nodes = _still_served(nodes, starts)
    hidden = hidden_nodes(actor, nodes)
    nodes = [node for node in nodes if node.id not in hidden]
    page_nodes = [*root, *nodes[: question.limit]]
    part = _Part(page_nodes, [], {}, len(page_nodes), len(nodes) > question.limit, [])
    return orjson.dumps(_body(actor, start, anchors, question, part) | {"matching": len(nodes)})


def _still_served(nodes: list[NodeRow], starts: list[int]) -> list[NodeRow]:
    """Return the nodes without endpoints that are reached only through ended deployments."""
    deployments, _ = read_of_kinds(starts, "down", {NodeKind.DEPLOYMENT}, limit=MAX_COUNTED)
    live = [node.id for node in deployments if '"ended_at"' not in node.attrs]
    served = {edge.dst for edge in edges_from(live, "down", Filters())} | set(starts)
    return [node for node in nodes if node.kind != NodeKind.ENDPOINT or node.id in served]


def _answer(actor: Actor, start: Start, anchors: list[int], question: Question, part: _Part) -> bytes:
    return orjson.dumps(_body(actor, start, anchors, question, part))


def _body(actor: Actor, start: Start, anchors: list[int], question: Question, part: _Part) -> dict[str, Any]:
    hidden = hidden_nodes(actor, [start, *part.nodes, *part.earlier])
    if start.pk in hidden:
        raise unknown_node(start)
    matching = [node for node in part.nodes if node.id not in hidden] if hidden else part.nodes
    if question.kinds:
        matching = [node for node in matching if node.kind in question.kinds or node.id == start.pk]
    quoted = quoted_urns([*(node for node in part.earlier if node.id not in hidden), *matching])
    last = question.offset + question.limit
    body = {
        "root": start.urn,
        "nodes": nodes_json(matching, part.depths, quoted),
        "edges": edges_json(part.edges, quoted),
        "truncated": part.truncated,
        "frontier": [orjson.Fragment(quoted[pk]) for pk in part.frontier if pk in quoted],
        "cursor": str(last) if part.truncated and not question.kinds else None,
        "total_seen": _known_count(actor, part, hidden),
        "as_of": question.filters.as_of,
        "warnings": warnings_of(matching),
    }
    if part.truncated and not question.filters:
        total = known_total(actor, list(dict.fromkeys([*anchors, start.pk])), question.direction)
        body |= {"total": total, "total_is_exact": total < MAX_COUNTED}
    return body


def _known_count(actor: Actor, part: _Part, hidden: frozenset[int]) -> int:
    """Return how many of the nodes that the walk reached the actor may see. It reads the nodes of other pages."""
    if not hidden and (actor.is_superuser or not part.reached):
        return part.seen
    page_ids = {node.id for node in part.nodes}
    visible_count = part.seen - len(hidden & page_ids)
    others = set(part.reached) - page_ids
    if others and not actor.is_superuser:
        visible_count -= len(hidden_nodes(actor, nodes_by_id(others).values()))
    return visible_count


def known_total(actor: Actor, starts: list[int], direction: Direction) -> int:
    """Return how many nodes are reached from ``starts`` that the actor may see; a walk counts at most MAX_COUNTED."""
    if actor.is_superuser:
        return count_closure(starts, direction, limit=MAX_COUNTED)
    nodes, seen = read_of_kinds(starts, direction, frozenset(NodeKind), limit=MAX_COUNTED - 1)
    return min(seen, MAX_COUNTED) - len(hidden_nodes(actor, nodes))


def quoted_urns(nodes: Iterable[NodeRow]) -> dict[int, str]:
    """Return the URNs of nodes as JSON strings, by id."""
    return {node[0]: encode_basestring(node[2]) for node in nodes}


def nodes_json(nodes: Iterable[NodeRow], depths: Mapping[int, int], quoted: Mapping[int, str]) -> orjson.Fragment:
    """Return the JSON of nodes with their distances; ``quoted`` are their URNs as JSON.

    The caller has checked that the actor may see them. The text is written directly: thousands of dictionaries would
    take several times as long.
    """
    text = encode_basestring
    texts = [
        f'{{"urn":{quoted[pk]},"kind":"{_KINDS[kind]}","name":{text(name)},"version":{text(version)},'
        f'"digest":{text(digest)},"attrs":{attrs or "{}"}{_DEPTH % depths[pk] if pk in depths else ""}}}'
        for pk, kind, _, name, version, digest, attrs in nodes
    ]
    return orjson.Fragment(f"[{','.join(texts)}]")


def edges_json(edges: Collection[EdgeRow], quoted: Mapping[int, str]) -> orjson.Fragment:
    """Return the JSON of the edges whose two ends are in ``quoted``, which maps node ids to URNs as JSON."""
    # The few relations with roles that occur, as the end of the JSON of an edge.
    endings = {
        (rel, role): f'"relation":"{_RELATIONS[rel]}","role":{encode_basestring(role)}}}'
        for rel, role in {(rel, role) for _, _, _, rel, role in edges}
    }
    texts = [
        f'{{"id":{pk},"source":{quoted[src]},"target":{quoted[dst]},{endings[rel, role]}'
        for pk, src, dst, rel, role in edges
        if src in quoted and dst in quoted
    ]
    return orjson.Fragment(f"[{','.join(texts)}]")


def kinds_named(names: Collection[str]) -> frozenset[NodeKind]:
    """Return the kinds with these names in the API. Raises InvalidInput for an unknown name."""
    by_name = {name: NodeKind(value) for value, name in _KINDS.items()}
    unknown = sorted(name for name in names if name not in by_name)
    if unknown:
        raise InvalidInput(f"Unknown kind {unknown[0][:50]!r}. Kinds: {', '.join(sorted(by_name))}.")
    return frozenset(by_name[name] for name in names)


def relations_named(names: Collection[str]) -> frozenset[Relation]:
    """Return the relations with these names in the API. Raises InvalidInput for an unknown name."""
    unknown = sorted(name for name in names if name.upper() not in Relation.names)
    if unknown:
        raise InvalidInput(f"Unknown relation {unknown[0][:50]!r}. Relations: {', '.join(sorted(Relation.names))}.")
    return frozenset(Relation[name.upper()] for name in names)
