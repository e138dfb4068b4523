"""Reads of the graph for the API: tuples from hand-written statements, without model instances.

`lineage.graph.closure` reads everything around a node up to a limit in one statement. `lineage.graph.levels` walks
level by level where a moment in the past, a filter on edges or a next page is asked for: its order does not change
between pages.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

from django.db import connection

from lineage.models import NodeKind
from lineage.statements import MET_NODES, STEPS, Direction


class NodeRow(NamedTuple):
    """A node as it is stored; ``attrs`` is JSON text."""

    id: int
    kind: int
    urn: str
    name: str
    version: str
    digest: str
    attrs: str

    @property
    def pk(self) -> int:
        """Return the id, under the name that model instances have for it."""
        return self.id


class EdgeRow(NamedTuple):
    """An edge as it is stored."""

    id: int
    src: int
    dst: int
    rel: int
    role: str


# The cells of an EdgeRow: of thousands, plain tuples are made in a fifth of the time.
EdgeCells = EdgeRow | tuple[int, int, int, int, str]
_FAR = 2**62
NODE_COLUMNS = ("n.id", "n.kind", "n.urn", "n.name", "n.version", "n.digest", "CAST(n.attrs AS text)")
EDGE_COLUMNS = ("e.id", "e.src_id", "e.dst_id", "e.rel", "e.role")
_NODE, _EDGE = ", ".join(NODE_COLUMNS), ", ".join(EDGE_COLUMNS)
# The same as `_make` of the two, without its check of the length, which takes most of its time.
as_edge: Callable[[tuple[Any, ...]], EdgeRow] = partial(tuple.__new__, EdgeRow)
as_node: Callable[[tuple[Any, ...]], NodeRow] = partial(tuple.__new__, NodeRow)
_OF_KIND = (
    "WITH RECURSIVE walk(id) AS (SELECT * FROM (VALUES {anchors}) AS anchor UNION {step}), "
    "met(id) AS {materialized} (SELECT id FROM walk LIMIT %s) "
    "SELECT {node}, (SELECT count(*) FROM met) {nodes} WHERE n.kind IN ({kinds}) ORDER BY n.id"
)
_COUNT = (
    "WITH RECURSIVE walk(id) AS (SELECT * FROM (VALUES {anchors}) AS anchor UNION {step}) "
    "SELECT count(*) FROM (SELECT id FROM walk LIMIT %s) AS met"
)


def _filled(template: str, starts: Sequence[int], direction: Direction, kinds: Collection[int] = ()) -> str:
    materialized = "MATERIALIZED" if connection.vendor == "postgresql" else ""
    return template.format(
        anchors=", ".join([f"(CAST({int(starts[0])} AS bigint))", *(f"({int(pk)})" for pk in starts[1:])]),
        step=STEPS[direction],
        node=_NODE,
        nodes=MET_NODES.text,
        materialized=materialized,
        kinds=", ".join(str(int(kind)) for kind in sorted(kinds)),
    )


def _rows(sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def read_of_kinds(
    starts: Sequence[int], direction: Direction, kinds: Collection[NodeKind], *, limit: int
) -> tuple[list[NodeRow], int]:
    """Return the nodes of some kinds among those reached, by id, and how many nodes of all kinds were reached.

    The walk ends with ``limit`` + 1 nodes. Where no node is of these kinds, the number is 0. One statement.
    """
    if not starts:
        return [], 0
    rows = _rows(_filled(_OF_KIND, starts, direction, kinds), [limit + 1])
    nodes = [NodeRow(*row[:7]) for row in rows]
    return nodes, int(rows[0][7]) if rows else 0


def count_closure(starts: Sequence[int], direction: Direction, *, limit: int) -> int:
    """Return how many nodes are reached from ``starts``, themselves included; at most ``limit``."""
    if not starts:
        return 0
    return int(_rows(_filled(_COUNT, starts, direction), [limit])[0][0])


def nodes_by_id(ids: Iterable[int]) -> dict[int, NodeRow]:
    """Return nodes by their ids, a thousand at a time."""
    nodes: dict[int, NodeRow] = {}
    for condition, values in _parts(list(ids)):
        sql = f"SELECT {_NODE} FROM lineage_node n WHERE n.id {condition}"  # noqa: S608 - names and a placeholder
        nodes |= {row[0]: as_node(row) for row in _rows(sql, values)}
    return nodes


def _parts(ids: Sequence[int]) -> Iterator[tuple[str, list[Any]]]:
    """Yield the condition that a column has one of these ids, with its values, for a thousand ids at a time.

    PostgreSQL gets them as one value: the driver takes milliseconds to read hundreds of placeholders.
    """
    for start in range(0, len(ids), 1000):
        part = list(ids[start : start + 1000])
        if connection.vendor == "postgresql":
            yield "= ANY(%s)", [part]
        else:
            yield f"IN ({', '.join(['%s'] * len(part))})", part


def edges_among(ids: Sequence[int]) -> list[EdgeRow]:
    """Return the edges with both ends in ``ids``, by id.

    They are found by their downstream end in both directions: a run has few inputs, but a dataset may have a million
    readers.
    """
    node_ids = set(ids)
    edges: list[EdgeRow] = []
    for condition, values in _parts(ids):
        sql = f"SELECT {_EDGE} FROM lineage_edge e WHERE e.dst_id {condition}"  # noqa: S608 - names and a placeholder
        edges += [as_edge(row) for row in _rows(sql, values) if row[1] in node_ids]
    return sorted(edges)


def neighbours(ids: Collection[int], direction: Direction, *, limit: int) -> list[tuple[int, int]]:
    """Return pairs of a node and a neighbour above or below it, by the ids of their edges; at most ``limit``."""
    near, far = ("dst_id", "src_id") if direction == "up" else ("src_id", "dst_id")
    pairs: list[tuple[int, int]] = []
    for condition, values in _parts(sorted(ids)):
        sql = f"SELECT e.{near}, e.{far} FROM lineage_edge e WHERE e.{near} {condition} ORDER BY e.id LIMIT %s"  # noqa: S608 - names and placeholders
        pairs += _rows(sql, [*values, limit - len(pairs)])
    return pairs


def distances(start: int, anchors: Collection[int], edges: Iterable[EdgeCells], direction: Direction) -> dict[int, int]:
    """Return the distance of each node from the start, in the order of distance and id.

    Members of a container are one step from it.
    """
    pairs = [(dst, src) for _, src, dst, _, _ in edges] if direction == "up" else [row[1:3] for row in edges]
    distance_of = dict.fromkeys(anchors, 1) | {start: 0}
    distance_at = distance_of.get
    late = False
    # A walk returns edges nearest first, in practice: one pass over them is enough then.
    for near, far in pairs:
        if (distance := distance_at(near)) is None:
            late = True
        elif distance_at(far, _FAR) > distance + 1:
            late = late or far in distance_of
            distance_of[far] = distance + 1
    if late:
        distance_of = _levelwise(start, anchors, pairs)
    ordered = sorted(sorted(distance_of), key=distance_of.__getitem__)
    return {pk: distance_of[pk] for pk in ordered}


def _levelwise(start: int, anchors: Collection[int], pairs: Iterable[tuple[int, int]]) -> dict[int, int]:
    onward: dict[int, list[int]] = defaultdict(list)
    for near, far in pairs:
        onward[near].append(far)
    onward[start] += anchors
    distance_of, level, step = {start: 0}, {start}, 0
    while level:
        step += 1
        level = {there for here in level if here in onward for there in onward[here]} - distance_of.keys()
        distance_of.update(dict.fromkeys(level, step))
    return distance_of
