"""Recursive walks of the graph and the insert of an edge: hand-written SQL, the same text for SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from django.db import connection
from django.utils import timezone

from core.columns import columns_of, insert_into, listed, unique_columns
from core.statements import Statement
from lineage.models import Edge

Direction = Literal["up", "down"]

_EDGE_COLUMNS = columns_of(Edge)
_INSERT_EDGE = (
    f"{insert_into(Edge)} ON CONFLICT ({listed(unique_columns(Edge, 'lineage_edge_forward'))}) DO NOTHING RETURNING id"
)

# The recursive part has no constant predicate on the edge: SQLite would first build a Bloom filter over the index.
# UNION, unlike UNION ALL, ends a walk round a cycle. It removes duplicates only because a row is nothing but an id.
STEPS: dict[Direction, str] = {
    "up": "SELECT e.src_id FROM walk w JOIN lineage_edge e ON e.dst_id = w.id",
    "down": "SELECT e.dst_id FROM walk w JOIN lineage_edge e ON e.src_id = w.id",
}
# The nodes of an expression `met`, which has their ids. PostgreSQL finds each by its id: it cannot know how few nodes a
# walk meets, and where it expects a thousand it reads the whole table.
MET_NODES = Statement(
    "FROM met m CROSS JOIN LATERAL (SELECT * FROM lineage_node l WHERE l.id = m.id OFFSET 0) AS n",
    "FROM met m JOIN lineage_node n ON n.id = m.id",
)


def walk_ids(starts: Sequence[int], direction: Direction, *, limit: int) -> list[int]:
    """Return up to ``limit`` node ids reached from ``starts`` (themselves included), in practice nearest first."""
    if not starts:
        return []
    anchors = ", ".join(["(CAST(%s AS bigint))"] * len(starts))
    sql = (
        f"WITH RECURSIVE walk(id) AS (SELECT * FROM (VALUES {anchors}) AS anchor "  # noqa: S608 - only placeholders
        f"UNION {STEPS[direction]}) SELECT id FROM walk LIMIT %s"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [*starts, limit])
        return [row[0] for row in cursor.fetchall()]


def walk_pairs(starts: Sequence[int], *, limit: int) -> list[tuple[int, int]]:
    """Return up to ``limit`` pairs of a start and one of its ancestors, itself included, for all starts in one walk."""
    if not starts:
        return []
    anchors = ", ".join(["(CAST(%s AS bigint))"] * len(starts))
    sql = (
        f"WITH RECURSIVE walk(root, id) AS (SELECT start, start FROM (SELECT column1 AS start FROM (VALUES {anchors}) AS v) AS a "  # noqa: S608 - only placeholders
        "UNION SELECT w.root, e.src_id FROM walk w JOIN lineage_edge e ON e.dst_id = w.id) "
        "SELECT root, id FROM walk LIMIT %s"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [*starts, limit])
        return [(int(root), int(pk)) for root, pk in cursor.fetchall()]


def insert_edge(*, src: int, dst: int, rel: int, role: str) -> int | None:
    """Insert an edge and return its id, None where the edge exists. One round trip."""
    values: dict[str, Any] = {"src_id": src, "dst_id": dst, "rel": rel, "role": role, "recorded_at": timezone.now()}
    with connection.cursor() as cursor:
        cursor.execute(_INSERT_EDGE, [values[column] for column in _EDGE_COLUMNS])
        row = cursor.fetchone()
    return None if row is None else int(row[0])
