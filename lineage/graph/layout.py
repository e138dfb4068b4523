"""The layout of the graph, the position of each node and the curve of each edge: left to right in the direction data
flows.

fast-sugiyama ranks the nodes and avoids crossings. It is superlinear, hence the cap; and it ends the whole process when
it is given a cycle or a loop, so it only ever gets an acyclic set of pairs. The same graph always gives the same
picture.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import Any

from fast_sugiyama import from_edges

from lineage.models import Edge, Node

# The library tells of every step at INFO.
for _name in ("rust-sugiyama", "connected_components"):
    logging.getLogger(_name).setLevel(logging.WARNING)

MAX_DRAWN = 300
NODE_WIDTH = 184
NODE_HEIGHT = 56
COLUMN_GAP = 76
ROW_GAP = 24
MARGIN = 16

_UNIT = 100.0  # what the library is told to put between two neighbours

Pair = tuple[int, int]
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class NodeBox:
    """A node's rectangle: its top left corner and size, in the drawing's units."""

    id: int
    x: float
    y: float
    width: int = NODE_WIDTH
    height: int = NODE_HEIGHT


@dataclass(frozen=True, slots=True)
class EdgePath:
    """One curve from ``source`` to ``target`` as SVG path data; ``edge_ids`` are the edges between the two it stands
    for.
    """

    source: int
    target: int
    edge_ids: tuple[int, ...]
    d: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """All boxes by node id, all curves, and the size that holds them."""

    boxes: dict[int, NodeBox]
    paths: list[EdgePath]
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class _Placed:
    """Cells (column, row) of the nodes of one connected part, and of the bends of each long edge."""

    cells: dict[int, Point]
    bends: dict[Pair, list[Point]]
    rows: float


def layout(nodes: Sequence[Node], edges: Sequence[Edge]) -> Drawing:
    """Return the drawing of at most MAX_DRAWN nodes.

    Raises ValueError for more. Edges to nodes not given are left out.
    """
    if len(nodes) > MAX_DRAWN:
        msg = f"{len(nodes)} nodes cannot be drawn, {MAX_DRAWN} can."
        raise ValueError(msg)
    ids = sorted(node.pk for node in nodes)
    between = _between(set(ids), edges)
    forward = _acyclic(between)
    cells, bends = _stack(_place(forward), ids)
    boxes = {pk: NodeBox(pk, *_corner(cells[pk])) for pk in ids}
    paths = [
        EdgePath(source, target, tuple(between[source, target]), _curve(boxes, bends, (source, target), forward))
        for source, target in sorted(between)
    ]
    return Drawing(
        boxes=boxes,
        paths=paths,
        width=max((box.x + box.width for box in boxes.values()), default=0) + MARGIN,
        height=max((box.y + box.height for box in boxes.values()), default=0) + MARGIN,
    )


def _between(node_ids: set[int], edges: Iterable[Edge]) -> dict[Pair, list[int]]:
    """Return the ids of the edges between each pair of known nodes."""
    between: dict[Pair, list[int]] = defaultdict(list)
    for edge in sorted(edges, key=lambda edge: edge.pk):
        if edge.src_id in node_ids and edge.dst_id in node_ids and edge.src_id != edge.dst_id:
            between[edge.src_id, edge.dst_id].append(edge.pk)
    return dict(between)


def _acyclic(pairs: Iterable[Pair]) -> set[Pair]:
    """Return the pairs with as few as need be turned round, so that they hold no cycle."""
    ordered = sorted(pairs)
    if not _has_cycle(ordered):
        return set(ordered)
    acyclic: set[Pair] = set()
    for source, target in ordered:
        acyclic.add((target, source) if _has_cycle([*acyclic, (source, target)]) else (source, target))
    return acyclic


def _has_cycle(pairs: Iterable[Pair]) -> bool:
    graph: dict[int, list[int]] = defaultdict(list)
    for source, target in pairs:
        graph[target].append(source)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError:
        return True
    return False


def _place(pairs: set[Pair]) -> list[_Placed]:
    """Return each connected part laid out by itself, the part of the lowest id first.

    Given several parts at once the library numbers the bends of one like the nodes of another; so it gets one at a
    time, and its nodes as 0, 1, 2 …: what has a higher number is a bend.
    """
    placed = []
    for part in _parts(pairs):
        ids = sorted({pk for pair in part for pk in pair})
        number = {pk: place for place, pk in enumerate(ids)}
        numbered = sorted((number[source], number[target]) for source, target in part)
        (picture,) = from_edges(numbered, vertex_spacing=_UNIT, dummy_vertices=True)
        placed.append(_part(picture, ids))
    return placed


def _parts(pairs: set[Pair]) -> list[list[Pair]]:
    """Return the pairs of each connected part, the part of the lowest id first."""
    label = {pk: pk for pair in pairs for pk in pair}

    def root(pk: int) -> int:
        while label[pk] != pk:
            label[pk] = label[label[pk]]
            pk = label[pk]
        return pk

    for source, target in pairs:
        low, high = sorted((root(source), root(target)))
        label[high] = low
    parts: dict[int, list[Pair]] = defaultdict(list)
    for pair in pairs:
        parts[root(pair[0])].append(pair)
    return [parts[low] for low in sorted(parts)]


def _part(part: Any, ids: list[int]) -> _Placed:
    """Turn the library's picture (sources at the top) on its side: rank becomes column, position becomes row."""
    positions: dict[int, Point] = dict(part[0])
    steps: list[Pair] = list(part[3])
    left, top = min(x for x, _ in positions.values()), max(y for _, y in positions.values())
    cells: dict[int, Point] = {
        number: (round((top - y) / _UNIT), (x - left) / _UNIT) for number, (x, y) in positions.items()
    }
    onward = {source: target for source, target in steps if source >= len(ids)}
    bends: dict[Pair, list[Point]] = {}
    for source, first in steps:
        if source >= len(ids) or first < len(ids):
            continue
        chain, here = [], first
        while here >= len(ids):
            chain.append(cells[here])
            here = onward[here]
        bends[ids[source], ids[here]] = chain
    real = {ids[number]: cell for number, cell in cells.items() if number < len(ids)}
    return _Placed(real, bends, rows=max(row for _, row in cells.values()) + 1)


def _stack(parts: list[_Placed], ids: list[int]) -> tuple[dict[int, Point], dict[Pair, list[Point]]]:
    """Put the parts under one another, and nodes without any edge in a column of their own at the end."""
    cells: dict[int, Point] = {}
    bends: dict[Pair, list[Point]] = {}
    offset = 0.0
    for part in parts:
        cells |= {pk: (column, row + offset) for pk, (column, row) in part.cells.items()}
        bends |= {pair: [(column, row + offset) for column, row in chain] for pair, chain in part.bends.items()}
        offset += part.rows
    for pk in ids:
        if pk not in cells:
            cells[pk] = (0, offset)
            offset += 1
    return cells, bends


def _corner(cell: Point) -> Point:
    column, row = cell
    return MARGIN + column * (NODE_WIDTH + COLUMN_GAP), round(MARGIN + row * (NODE_HEIGHT + ROW_GAP), 1)


def _curve(boxes: dict[int, NodeBox], bends: dict[Pair, list[Point]], pair: Pair, forward: set[Pair]) -> str:
    """Return the path data from the right side of the source to the left side of the target, through its bends.

    An edge that was turned round runs back: from the left side of its source to the right side of its target.
    """
    ahead = pair in forward
    first, last = pair if ahead else pair[::-1]
    start, end = boxes[first], boxes[last]
    points = [(start.x + start.width, start.y + start.height / 2)]
    for cell in bends.get((first, last), []):
        x, y = _corner(cell)
        points += [(x, y + NODE_HEIGHT / 2), (x + NODE_WIDTH, y + NODE_HEIGHT / 2)]
    points.append((end.x, end.y + end.height / 2))
    return _smooth(points if ahead else points[::-1])


def _smooth(points: list[Point]) -> str:
    """Return a curve through the points that leaves and enters each of them horizontally."""
    commands = [f"M{points[0][0]:g} {points[0][1]:g}"]
    for (x0, y0), (x1, y1) in pairwise(points):
        middle = (x0 + x1) / 2
        commands.append(f"C{middle:g} {y0:g} {middle:g} {y1:g} {x1:g} {y1:g}")
    return "".join(commands)
