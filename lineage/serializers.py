"""The graph as JSON, and what the API accepts."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from core.actors import Actor
from lineage.models import Edge, Node, NodeKind, Quarantine, Relation
from lineage.quarantine import MAX_REASON
from lineage.queries import MAX_LIMIT, Closure
from lineage.visibility import hidden_nodes

KINDS = {kind.name.lower(): kind for kind in NodeKind}


class WalkQuery(serializers.Serializer[Any]):
    """Query parameters of ancestors and descendants."""

    kind = serializers.ChoiceField(choices=sorted(KINDS), required=False)
    max_nodes = serializers.IntegerField(min_value=1, max_value=MAX_LIMIT, required=False)


class NodesQuery(serializers.Serializer[Any]):
    """Query parameters of the list of nodes."""

    kind = serializers.ChoiceField(choices=sorted(KINDS), required=False)
    q = serializers.CharField(max_length=200, required=False, allow_blank=True)


class EdgeDeclaration(serializers.Serializer[Any]):
    """The body that declares an edge; relation is a name such as DERIVED_FROM."""

    source = serializers.CharField(max_length=700)  # type: ignore[assignment]  # a field named like an attribute of Field
    target = serializers.CharField(max_length=700)
    relation = serializers.ChoiceField(choices=Relation.names)
    role = serializers.CharField(max_length=32, required=False, allow_blank=True, default="")
    reason = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")


class Retraction(serializers.Serializer[Any]):
    """The body that takes an edge back."""

    reason = serializers.CharField(max_length=500)


class QuarantineChange(serializers.Serializer[Any]):
    """The body that places or releases a quarantine; dataset_version is a URN (`dataset-version:orders/v2.1`)."""

    dataset_version = serializers.CharField(max_length=700, trim_whitespace=False)
    reason = serializers.CharField(max_length=MAX_REASON)


def quarantine_json(row: Quarantine) -> dict[str, Any]:
    """Return a quarantine; times in ISO 8601, UTC."""
    return {
        "id": row.pk,
        "dataset_version": row.node.urn,
        "reason": row.reason,
        "placed_by": row.placed_by,
        "placed_at": row.placed_at,
        "released_by": row.released_by,
        "released_at": row.released_at,
        "release_reason": row.release_reason,
    }


def node_json(node: Node, *, depth: int | None = None, hidden: bool = False) -> dict[str, Any]:
    """Return a node; of a hidden one only that there is one, and of what kind."""
    kind = NodeKind(node.kind).name.lower()
    found: dict[str, Any] = {
        "urn": node.urn,
        "kind": kind,
        "name": node.name,
        "version": node.version,
        "digest": node.digest,
        "attrs": node.attrs,
    }
    if hidden:
        found = {"urn": f"restricted:{node.pk}", "kind": kind, "name": "", "version": "", "digest": "", "attrs": {}}
    return found if depth is None else {**found, "depth": depth}


def edge_json(edge: Edge, urns: dict[int, str]) -> dict[str, Any]:
    """Return an edge; ``urns`` names the nodes as they are shown."""
    return {
        "id": edge.pk,
        "source": urns[edge.src_id],
        "target": urns[edge.dst_id],
        "relation": Relation(edge.rel).name,
        "role": edge.role,
    }


def closure_json(closure: Closure, *, actor: Actor, kind: str = "") -> dict[str, Any]:
    """Return the closure; with ``kind`` the nodes of that kind alone, and the edges between what is left."""
    hidden = hidden_nodes(actor, closure.nodes)
    shown = [node for node in closure.nodes if not kind or node.kind == KINDS[kind] or node.pk == closure.root.pk]
    nodes = {node.pk: node_json(node, depth=closure.depths[node.pk], hidden=node.pk in hidden) for node in shown}
    urns = {pk: node["urn"] for pk, node in nodes.items()}
    return {
        "root": closure.root.urn,
        "nodes": list(nodes.values()),
        "edges": [edge_json(edge, urns) for edge in closure.edges if edge.src_id in urns and edge.dst_id in urns],
        "truncated": closure.truncated,
        "total_seen": closure.total_seen,
    }
