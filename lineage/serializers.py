"""Parameters and bodies of the lineage API, and nodes, edges and quarantines as JSON."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from core.rest import PeriodQuery
from lineage.models import Edge, Node, NodeKind, Quarantine, Relation, SameDataset
from lineage.neighbourhood import COLLAPSES
from lineage.quarantine import MAX_REASON
from lineage.queries import MAX_LIMIT

KINDS = {kind.name.lower(): kind for kind in NodeKind}


class WalkQuery(serializers.Serializer[Any]):
    """Query parameters of ancestors and descendants. ``kind``, ``rel`` and ``role`` are lists of names with commas.

    ``kind`` filters the returned nodes; ``rel`` and ``role`` the edges that are followed. ``as_of`` is the moment.
    """

    kind = serializers.CharField(max_length=200, required=False)
    rel = serializers.CharField(max_length=200, required=False)
    role = serializers.CharField(max_length=200, required=False)
    as_of = serializers.DateTimeField(required=False)
    max_nodes = serializers.IntegerField(min_value=1, max_value=MAX_LIMIT, required=False)
    cursor = serializers.RegexField(r"^[0-9]{1,9}$", required=False)


class GraphQuery(serializers.Serializer[Any]):
    """Query parameters of the graph around a node: steps up and down, which nodes are grouped, and the moment."""

    up = serializers.IntegerField(min_value=0, max_value=MAX_LIMIT, required=False, default=1)
    down = serializers.IntegerField(min_value=0, max_value=MAX_LIMIT, required=False, default=1)
    collapse = serializers.ChoiceField(choices=COLLAPSES, required=False, default="none")
    as_of = serializers.DateTimeField(required=False)
    max_nodes = serializers.IntegerField(min_value=1, max_value=MAX_LIMIT, required=False)


PathQuery = type(
    "PathQuery",
    (serializers.Serializer,),
    {
        "__doc__": "Query parameters of the path between two nodes: their URNs.",
        "from": serializers.CharField(max_length=700),
        "to": serializers.CharField(max_length=700),
    },
)


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
    """The body that retracts an edge."""

    reason = serializers.CharField(max_length=500)


class QuarantinesQuery(PeriodQuery):
    """Query parameters of the list of quarantines; ``since`` and ``until`` are about when they were placed."""

    state = serializers.ChoiceField(choices=["in_force", "released", "all"], default="in_force")
    dataset_version = serializers.CharField(max_length=700, required=False, trim_whitespace=False)
    placed_by = serializers.CharField(max_length=150, required=False)
    released_by = serializers.CharField(max_length=150, required=False)


class QuarantineChange(serializers.Serializer[Any]):
    """The body that places or releases a quarantine; dataset_version is a URN (`dataset-version:orders/v2.1`)."""

    dataset_version = serializers.CharField(max_length=700, trim_whitespace=False)
    reason = serializers.CharField(max_length=MAX_REASON)


class NamesQuery(serializers.Serializer[Any]):
    """Query parameters of the names of a dataset; dataset is a URN (`dataset:orders`)."""

    dataset = serializers.CharField(max_length=700, trim_whitespace=False)


class NamesSeparation(serializers.Serializer[Any]):
    """The body that separates two names of a dataset; both are URNs (`dataset:orders`)."""

    dataset = serializers.CharField(max_length=700, trim_whitespace=False)
    other = serializers.CharField(max_length=700, trim_whitespace=False)
    reason = serializers.CharField(max_length=MAX_REASON)


def statement_json(row: SameDataset) -> dict[str, Any]:
    """Return the statement of an event that two names mean one dataset."""
    return {
        "dataset": row.dataset.urn,
        "other": row.other.urn,
        "facet": row.how,
        "stated_by": row.stated_by,
        "stated_at": row.recorded_at,
    }


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


def node_json(node: Node) -> dict[str, Any]:
    """Return a node."""
    return {
        "urn": node.urn,
        "kind": NodeKind(node.kind).name.lower(),
        "name": node.name,
        "version": node.version,
        "digest": node.digest,
        "attrs": node.attrs,
    }


def edge_json(edge: Edge, urns: dict[int, str]) -> dict[str, Any]:
    """Return an edge; ``urns`` gives the URN of each end by node id."""
    return {
        "id": edge.pk,
        "source": urns[edge.src_id],
        "target": urns[edge.dst_id],
        "relation": Relation(edge.rel).name,
        "role": edge.role,
    }
