"""Edges that follow from claims: inserted where a claim names a node, retracted where nobody claims them any more."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.db.models import Q

from core.actors import Actor
from core.bulk import BulkInsert
from core.columns import listed, unique_columns
from lineage.models import Claim, Edge, EdgeAssertion, Node, Relation, RetractedEdge

_DECLARED = "declared"
_AT_ONCE = 1000
_ADD_EDGES = BulkInsert(
    Edge,
    conflict=f"ON CONFLICT ({listed(unique_columns(Edge, 'lineage_edge_forward'))}) DO NOTHING",
    returning=("id", "src_id", "dst_id", "rel", "role"),
)
_ADD_WITNESSES = BulkInsert(EdgeAssertion, conflict="ON CONFLICT DO NOTHING")
Key = tuple[int, int, int, str]
"""The source, the target, the relation and the role of an edge."""


def move_claims(*, actor: Actor, targets: Mapping[Claim, Node | None], deleted: Sequence[Claim], reason: str) -> None:
    """Assign each claim its node: insert the edges that follow, and retract those that no claim needs any more.

    ``deleted`` are claims that were just deleted. Each statement handles a thousand claims or edges.
    """
    moved = [claim for claim, node in targets.items() if claim.node_id != (node.pk if node else None)]
    stale = {_edge_of(claim, claim.node_id): claim for claim in [*moved, *deleted] if claim.node_id is not None}
    by_target: dict[int | None, list[int]] = defaultdict(list)
    for claim in moved:
        node = targets[claim]
        claim.node = node
        by_target[node.pk if node else None].append(claim.pk)
    for pk, claims in by_target.items():
        for start in range(0, len(claims), _AT_ONCE):
            Claim.objects.filter(pk__in=claims[start : start + _AT_ONCE]).update(node_id=pk)
    _insert([claim for claim in moved if claim.node_id is not None])
    retract_unclaimed(actor=actor, keys=list(stale), reason=reason)


def _edge_of(claim: Claim, node_id: int | None) -> Key:
    return node_id or 0, claim.run_id, claim.rel, claim.role


def _insert(claims: Sequence[Claim]) -> None:
    """Insert the edges of claims with their witnesses. An edge has the time of its oldest claim."""
    oldest: dict[Key, datetime] = {}
    for claim in claims:
        key = _edge_of(claim, claim.node_id)
        oldest[key] = min(oldest.get(key, claim.recorded_at), claim.recorded_at)
    ids = put_edges(oldest)
    ids |= edge_ids([key for key in oldest if key not in ids])
    add_witnesses((ids[_edge_of(claim, claim.node_id)], claim.assertion_id) for claim in claims)


def put_edges(edges: Mapping[Key, datetime]) -> dict[Key, int]:
    """Insert edges that are missing, with the times at which they were recorded. Return the ids of the new edges."""
    rows = [
        {"src_id": src, "dst_id": dst, "rel": rel, "role": role, "recorded_at": at}
        for (src, dst, rel, role), at in sorted(edges.items())
    ]
    return {(src, dst, rel, role): pk for pk, src, dst, rel, role in _ADD_EDGES.run(rows)}


def add_witnesses(witnesses: Iterable[tuple[int, int]]) -> None:
    """Insert the pairs of an edge and an assertion that are missing."""
    _ADD_WITNESSES.run([{"edge_id": edge, "assertion_id": assertion} for edge, assertion in witnesses])


def edge_ids(keys: Sequence[Key]) -> dict[Key, int]:
    """Return the ids of those of the edges that exist."""
    ids: dict[Key, int] = {}
    keys_needed = set(keys)
    ordered = sorted(keys_needed)
    for start in range(0, len(ordered), _AT_ONCE):
        part = ordered[start : start + _AT_ONCE]
        rows = Edge.objects.filter(src_id__in={key[0] for key in part}, dst_id__in={key[1] for key in part})
        for pk, src, dst, rel, role in rows.values_list("pk", "src_id", "dst_id", "rel", "role"):
            if (src, dst, rel, role) in keys_needed:
                ids[src, dst, rel, role] = pk
    return ids


def retract_unclaimed(*, actor: Actor, keys: Sequence[Key], reason: str) -> None:
    """Retract those of the edges that no claim needs and nobody declared."""
    ids = edge_ids(keys)
    if not ids:
        return
    runs = sorted({key[1] for key in ids})
    claimed = {
        (node or 0, run, rel, role)
        for node, run, rel, role in Claim.objects.filter(run_id__in=runs).values_list(
            "node_id", "run_id", "rel", "role"
        )
    }
    free = {key: pk for key, pk in ids.items() if key not in claimed}
    declared = set(
        EdgeAssertion.objects.filter(edge_id__in=free.values(), assertion__mode=_DECLARED).values_list(
            "edge_id", flat=True
        )
    )
    retract_all(actor=actor, edge_ids=[pk for pk in free.values() if pk not in declared], reason=reason)


def retract_all(*, actor: Actor, edge_ids: Iterable[int], reason: str) -> None:
    """Move edges from the graph to the retracted edges. The caller records the event."""
    ids = sorted(edge_ids)
    for start in range(0, len(ids), _AT_ONCE):
        edges = list(Edge.objects.filter(pk__in=ids[start : start + _AT_ONCE]))
        RetractedEdge.objects.bulk_create(
            RetractedEdge(
                edge_id=edge.pk,
                src_id=edge.src_id,
                dst_id=edge.dst_id,
                rel=edge.rel,
                role=edge.role,
                recorded_at=edge.recorded_at,
                retracted_by=actor.name,
                reason=reason[:500],
            )
            for edge in edges
        )
        Edge.objects.filter(pk__in=[edge.pk for edge in edges]).delete()


def move_edges(*, actor: Actor, old: int, new: int, reason: str) -> None:
    """Insert the edges of a node at another one, with their times and witnesses, and retract the old ones.

    Edges between versions with the same bytes, or between names of a version, are not moved: they are derived again.
    """
    derived = (Relation.SAME_BYTES, Relation.SAME_VERSION)
    edges = list(Edge.objects.filter(Q(src_id=old) | Q(dst_id=old)).exclude(rel__in=derived))
    if not edges:
        return
    moved: dict[int, Key] = {}
    for edge in edges:
        src, dst = (new if end == old else end for end in (edge.src_id, edge.dst_id))
        if src != dst:
            moved[edge.pk] = (src, dst, edge.rel, edge.role)
    put_edges({moved[edge.pk]: edge.recorded_at for edge in edges if edge.pk in moved})
    ids = edge_ids(list(moved.values()))
    witnesses = EdgeAssertion.objects.filter(edge_id__in=moved).values_list("edge_id", "assertion_id")
    add_witnesses((ids[moved[edge]], assertion_id) for edge, assertion_id in witnesses)
    retract_all(actor=actor, edge_ids=[edge.pk for edge in edges], reason=reason)
