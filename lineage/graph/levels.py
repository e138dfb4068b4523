"""Walks level by level: at a moment in the past, along some relations only, and page by page in a fixed order.

Each level is one query for every 500 nodes of it. The filters are not in a recursive statement, because SQLite would
then scan all edges.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Q

from lineage.graph.reads import EdgeRow
from lineage.models import Edge, Relation, RetractedEdge
from lineage.statements import Direction

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Filters:
    """Filters of the edges that a walk follows: at a moment, of some relations, in some roles.

    An empty field filters nothing; without ``as_of`` the walk follows the edges of now.
    """

    as_of: datetime | None = None
    rels: frozenset[Relation] = frozenset()
    roles: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return self.as_of is not None or bool(self.rels) or bool(self.roles)


@dataclass(slots=True)
class Levels:
    """The node ids of each distance, sorted, and the edges that were followed.

    ``complete`` says that no node follows after the last level.
    """

    levels: list[list[int]]
    edges: dict[int, EdgeRow] = field(default_factory=dict)
    complete: bool = True

    @property
    def ids(self) -> list[int]:
        """Return the ids, nearest first."""
        return [pk for level in self.levels for pk in level]


def walk_levels(
    start: int, anchors: Sequence[int], direction: Direction, *, filters: Filters, limit: int, deepest: int = 2**31
) -> Levels:
    """Return the levels of a walk that ends with ``limit`` nodes or ``deepest`` levels after the start.

    The last level is complete, so there may be more than ``limit`` nodes.
    """
    first = sorted(set(anchors) - {start})
    walked = Levels([[start], first] if first else [[start]])
    seen = {start, *first}
    if first:
        edges = edges_from([start], direction, filters)
        walked.edges |= {edge.id: edge for edge in edges if {edge.src, edge.dst} <= seen}
    level = first or [start]
    while level:
        edges = edges_from(level, direction, filters)
        following = sorted({edge.src if direction == "up" else edge.dst for edge in edges} - seen)
        if following and (len(seen) >= limit or len(walked.levels) > deepest):
            walked.complete = False
            break
        walked.edges |= {edge.id: edge for edge in edges}
        if following:
            walked.levels.append(following)
        seen |= set(following)
        level = following
    return walked


def edges_from(nodes: Sequence[int], direction: Direction, filters: Filters) -> list[EdgeRow]:
    """Return the edges that lead on from nodes, in the order of their ids."""
    end = "dst_id__in" if direction == "up" else "src_id__in"
    columns = ("src_id", "dst_id", "rel", "role")
    rows: list[EdgeRow] = []
    for start in range(0, len(nodes), _AT_ONCE):
        part = nodes[start : start + _AT_ONCE]
        live = Edge.objects.filter(_followed(filters), **{end: part})
        if filters.as_of is not None:
            past = RetractedEdge.objects.filter(
                _followed(filters), recorded_at__lte=filters.as_of, retracted_at__gt=filters.as_of, **{end: part}
            )
            rows += [EdgeRow(*row) for row in past.values_list("edge_id", *columns)]
            live = live.filter(recorded_at__lte=filters.as_of)
        rows += [EdgeRow(*row) for row in live.values_list("pk", *columns)]
    return sorted(rows)


def _followed(filters: Filters) -> Q:
    relations = Q(rel__in=filters.rels) if filters.rels else Q()
    return relations & Q(role__in=filters.roles) if filters.roles else relations


def is_served(attrs: dict[str, object], moment: datetime | None) -> bool:
    """Return whether a deployment with these attributes had not ended at a moment; None is now."""
    ended = attrs.get("ended_at")
    if not isinstance(ended, str):
        return True
    return moment is not None and datetime.fromisoformat(ended) > moment
