"""Everything upstream or downstream of a node, with the edges among it, in one statement.

PostgreSQL sends each column as one array in binary form: twelve arrays of thousands of values take less time than
thousands of rows. The text of a statement does not depend on its values, so it is planned once for each connection.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from psycopg.pq import Format

from core.statements import Statement, number_array
from lineage.graph.reads import EDGE_COLUMNS, NODE_COLUMNS, EdgeCells, EdgeRow, NodeRow, as_edge, as_node
from lineage.models import NodeKind
from lineage.statements import MET_NODES, STEPS, Direction

_NEAR_END: dict[Direction, str] = {"up": "dst_id", "down": "src_id"}
# Walks from these kinds start from other nodes: from their members, or from the live deployments of an endpoint.
_NO_START = (NodeKind.DATASET, NodeKind.MODEL, NodeKind.REPOSITORY, NodeKind.ENDPOINT)
_URN = (
    "SELECT id FROM lineage_node WHERE urn = %s AND alias_of_id IS NULL "  # noqa: S608 - only numbers
    f"AND kind NOT IN ({', '.join(str(kind.value) for kind in _NO_START)})"
)
_WALK = (
    "WITH RECURSIVE walk(id) AS (SELECT id FROM ({start}) AS anchor UNION {step}), "
    "met(id) AS {materialized} (SELECT id FROM walk LIMIT %s) "
)
# The edges of a walk that was not cut lead to nodes that it reached, so their other ends need no condition. A walk that
# was cut reads no edges: its last nodes may have a million.
_EDGES = "FROM met m JOIN lineage_edge e ON e.{near} = m.id WHERE (SELECT count(*) FROM met) <= %s"
_EDGE_CELLS = len(EDGE_COLUMNS)


@dataclass(frozen=True, slots=True)
class Read:
    """Nodes and the edges among them: the columns of NodeRow and the cells of EdgeRow.

    There is one node more than the limit where the walk was cut, and then there are no edges. Of a node without
    attributes ``attrs`` has nothing.
    """

    ids: Sequence[int] = ()
    kinds: Sequence[int] = ()
    urns: Sequence[str] = ()
    names: Sequence[str] = ()
    versions: Sequence[str] = ()
    digests: Sequence[str] = ()
    attrs: Mapping[int, str] = field(default_factory=dict)
    cells: Sequence[EdgeCells] = ()

    @property
    def seen(self) -> int:
        """Return how many nodes the walk reached; one more than the limit where it was cut."""
        return len(self.ids)

    @property
    def nodes(self) -> list[NodeRow]:
        """Return the nodes as rows."""
        attrs = [self.attrs.get(pk, "{}") for pk in self.ids]
        columns = (self.ids, self.kinds, self.urns, self.names, self.versions, self.digests, attrs)
        return [as_node(cells) for cells in zip(*columns, strict=True)]

    @property
    def edges(self) -> list[EdgeRow]:
        """Return the edges as rows."""
        return [as_edge(cells) for cells in self.cells]


def _statement(direction: Direction, start: str, start_in_sqlite: str = "") -> Statement:
    """Return the statement of a walk: one row of arrays on PostgreSQL, a row for each edge and node on SQLite."""
    *columns, attrs = NODE_COLUMNS
    has_attrs = "FILTER (WHERE n.attrs <> '{{}}')"
    edges = ", ".join(f"array_agg({column})" for column in EDGE_COLUMNS)
    nodes = ", ".join(f"array_agg({column})" for column in columns)
    nodes += f", array_agg(n.id) {has_attrs}, array_agg({attrs}) {has_attrs}"
    columnwise = f"{_WALK}SELECT * FROM (SELECT {edges} {_EDGES}) AS es, (SELECT {nodes} {MET_NODES.postgresql}) AS ns"  # noqa: S608 - names
    nulls = [", ".join(["NULL"] * len(columns)) for columns in (EDGE_COLUMNS, NODE_COLUMNS)]
    rowwise = (
        f"{_WALK}SELECT {', '.join(EDGE_COLUMNS)}, {nulls[1]} {_EDGES} "
        f"UNION ALL SELECT {nulls[0]}, {', '.join(NODE_COLUMNS)} {MET_NODES.sqlite}"
    )
    parts = {"step": STEPS[direction], "near": _NEAR_END[direction]}
    return Statement(
        columnwise.format(start=start, materialized="MATERIALIZED", **parts),
        rowwise.format(start=start_in_sqlite or start, materialized="", **parts),
    )


_DIRECTIONS: tuple[Direction, ...] = ("up", "down")
_FROM_URN = {direction: _statement(direction, _URN) for direction in _DIRECTIONS}
# PostgreSQL plans a walk from one node better than a walk from an array of unknown length.
_FROM_ONE = {direction: _statement(direction, "SELECT CAST(%s AS bigint) AS id") for direction in _DIRECTIONS}
_FROM_MANY = {
    direction: _statement(
        direction, "SELECT unnest(CAST(%s AS bigint[])) AS id", "SELECT value AS id FROM json_each(%s)"
    )
    for direction in _DIRECTIONS
}


def read_closure(starts: Sequence[int], direction: Direction, *, limit: int) -> Read:
    """Return the nodes reached from ``starts``, themselves included, and the edges among them. One statement.

    It returns at most ``limit`` + 1 nodes: the one more says that there are others, and then there are no edges.
    """
    if not starts:
        return Read()
    if len(starts) == 1:
        return _read(_FROM_ONE[direction], starts[0], limit)
    is_postgresql = connection.vendor == "postgresql"
    return _read(_FROM_MANY[direction], number_array(starts) if is_postgresql else json.dumps(list(starts)), limit)


def read_closure_of(urn: str, direction: Direction, *, limit: int) -> Read:
    """Return the closure of the node with exactly this URN, as `read_closure` does.

    Nothing where there is no such node, or where it is an alias or a kind whose walks start from other nodes.
    """
    return _read(_FROM_URN[direction], urn, limit) if "\x00" not in urn else Read()


def _read(statement: Statement, start: Any, limit: int) -> Read:
    values = [start, limit + 1, limit]
    if connection.vendor != "postgresql":
        return _from_rows(statement, values)
    with connection.cursor() as cursor:
        cursor.cursor.format = Format.BINARY
        cursor.execute(statement.text, values)
        row = cursor.fetchone() or ()
    columns: list[list[Any]] = [column or [] for column in row]
    ids, kinds, urns, names, versions, digests, with_attrs, attrs = columns[_EDGE_CELLS:]
    cells = list(zip(*columns[:_EDGE_CELLS], strict=True))
    return Read(ids, kinds, urns, names, versions, digests, dict(zip(with_attrs, attrs, strict=True)), cells)


def _from_rows(statement: Statement, values: Sequence[Any]) -> Read:
    with connection.cursor() as cursor:
        cursor.execute(statement.text, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    cells = [row[:_EDGE_CELLS] for row in rows if row[0] is not None]
    nodes = [row[_EDGE_CELLS:] for row in rows if row[0] is None]
    ids, kinds, urns, names, versions, digests, _ = zip(*nodes, strict=True) if nodes else [()] * len(NODE_COLUMNS)
    attrs = {row[0]: row[-1] for row in nodes if row[-1] != "{}"}
    return Read(ids, kinds, urns, names, versions, digests, attrs, cells)
