"""The JSON of a closure that is neither cut nor filtered, written from its columns without a row for each node."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import orjson

from core.actors import Actor
from lineage.graph.closure import Read
from lineage.graph.reads import distances
from lineage.identity.names import UNVERSIONED
from lineage.models import NodeKind, Relation
from lineage.statements import Direction
from lineage.uncertainty import warnings_of
from lineage.visibility import sees_all

_KINDS = {kind.value: kind.name.lower() for kind in NodeKind}
_RELATIONS = {rel.value: rel.name for rel in Relation}
_CODE = NodeKind.CODE_VERSION.value
_NO_ATTRS = orjson.Fragment("{}")


def whole_closure(
    actor: Actor, root: int, anchors: Collection[int], direction: Direction, read: Read
) -> dict[str, Any] | None:
    """Return the answer of the API; None where it needs a look at each node.

    That is so where the actor may not see a node, and where nodes may be reached through an ended deployment only.
    """
    if any(rel == Relation.SERVES for *_, rel, _ in read.cells) and "ended_at" in "".join(read.attrs.values()):
        return None
    if not sees_all(actor, read.urns, read.kinds):
        return None
    depths = distances(root, anchors, read.cells, direction)
    urns = dict(zip(read.ids, read.urns, strict=True))
    return {
        "root": urns[root],
        "nodes": _nodes(read, depths),
        "edges": [
            {"id": pk, "source": urns[src], "target": urns[dst], "relation": _RELATIONS[rel], "role": role}
            for pk, src, dst, rel, role in read.cells
        ],
        "truncated": False,
        "frontier": [],
        "cursor": None,
        "total_seen": read.seen,
        "as_of": None,
        "warnings": _warnings(read, depths),
    }


def _nodes(read: Read, depths: Mapping[int, int]) -> list[dict[str, Any]]:
    columns = zip(read.kinds, read.urns, read.names, read.versions, read.digests, strict=True)
    cells = dict(zip(read.ids, columns, strict=True))
    attrs = {pk: orjson.Fragment(text) for pk, text in read.attrs.items()}
    return [
        {
            "urn": urn,
            "kind": _KINDS[kind],
            "name": name,
            "version": version,
            "digest": digest,
            "attrs": attrs.get(pk, _NO_ATTRS),
            "depth": depth,
        }
        for pk, depth in depths.items()
        for kind, urn, name, version, digest in (cells[pk],)
    ]


def _warnings(read: Read, depths: Mapping[int, int]) -> list[str]:
    """Return the warnings about nodes, nearest first. Only commits, and versions that may be uncertain, become rows."""
    rows = zip(read.ids, read.kinds, read.versions, strict=True)
    uncertain = {pk for pk, kind, version in rows if kind == _CODE or version == UNVERSIONED} | read.attrs.keys()
    if not uncertain:
        return []
    nodes = {node.id: node for node in read.nodes if node.id in uncertain}
    return warnings_of(nodes[pk] for pk in depths if pk in nodes)
