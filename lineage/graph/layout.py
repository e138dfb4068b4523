"""The layout of the graph: the position of each node and the curve of each edge. Data flows from left to right.

fast-sugiyama ranks the nodes and avoids crossings. Its running time is superlinear, so the number of nodes is limited.
It ends the whole process on a cycle or a loop, so it gets only pairs without a cycle. The same graph always gives the
same drawing.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

from fast_sugiyama import from_edges

from lineage.graph.reads import EdgeRow, NodeRow

# The library logs every step at INFO.
for _name in ("rust-sugiyama", "connected_components"):
    logging.getLogger(_name).setLevel(logging.WARNING)

MAX_DRAWN = 300
NODE_WIDTH = 184
NODE_HEIGHT = 56
COLUMN_GAP = 76
ROW_GAP = 24
MARGIN = 16

_UNIT = 100.0  # the distance between two neighbours in the library's result

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
    """One curve from ``source`` to ``target`` as SVG path data, for all edges between the two (``edge_ids``)."""

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


def layout(nodes: Sequence[NodeRow], edges: Sequence[EdgeRow]) -> Drawing:
    """Return the drawing of at most MAX_DRAWN nodes.

    Edges to nodes that are not given are left out. Raises ValueError for more nodes.
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


def _between(node_ids: set[int], edges: Iterable[EdgeRow]) -> dict[Pair, list[int]]:
    """Return the ids of the edges between each pair of known nodes."""
    between: dict[Pair, list[int]] = defaultdict(list)
    for edge in sorted(edges, key=lambda edge: edge.id):
        if edge.src in node_ids and edge.dst in node_ids and edge.src != edge.dst:
            between[edge.src, edge.dst].append(edge.id)
    return dict(between)


def _acyclic(pairs: Iterable[Pair]) -> frozenset[Pair]:
    """Return the pairs without a cycle: each pair that closes one in a walk in depth is reversed."""
    onward: dict[int, list[int]] = defaultdict(list)
    for source, target in sorted(pairs):
        onward[source].append(target)
    left: dict[int, int] = {}  # when the walk left each node for good: after everything behind it, unless in a cycle
    entered: set[int] = set()
    for start in sorted(onward):
        waiting = [start]
        while waiting:
            node = waiting[-1]
            entered.add(node)
            following = next((target for target in onward.get(node, ()) if target not in entered), None)
            if following is not None:
                waiting.append(following)
            else:
                left.setdefault(waiting.pop(), len(left))
    return frozenset(
        (source, target) if left[source] > left[target] else (target, source)
        for source, targets in onward.items()
        for target in targets
    )


@lru_cache(
    maxsize=64
)  # a reader highlights, unfolds and downloads the same graph, and the library takes most of the time
def _place(pairs: frozenset[Pair]) -> list[_Placed]:
    """Return the layout of each connected part, the part with the lowest id first.

    The library gets one part at a time: with several it numbers the bends of one like the nodes of another. The nodes
    get the numbers 0, 1, 2 …, so every higher number is a bend.
    """
    placed = []
    for part in _parts(pairs):
        ids = sorted({pk for pair in part for pk in pair})
        number = {pk: index for index, pk in enumerate(ids)}
        numbered = sorted((number[source], number[target]) for source, target in part)
        (result,) = from_edges(numbered, vertex_spacing=_UNIT, dummy_vertices=True)
        placed.append(_part(result, ids))
    return placed


def _parts(pairs: frozenset[Pair]) -> list[list[Pair]]:
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
    """Return the library's result, which has the sources at the top, turned: rank is the column, position the row."""
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
    """Return the cells and bends of all parts, one below the other; nodes without an edge come last, in column 0."""
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


def _curve(boxes: dict[int, NodeBox], bends: dict[Pair, list[Point]], pair: Pair, forward: frozenset[Pair]) -> str:
    """Return the path data from the right side of the source to the left side of the target, through its bends.

    A reversed pair is drawn backwards: from the left side of its source to the right side of its target.
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
