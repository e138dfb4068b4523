"""Deriving suggestions for the nodes that changed, on the schedule, and reading what was derived.

Marks on the ids of nodes and edges say how far the schedule has come. Rows younger than SETTLED are left for the next
round: ids are given before transactions commit, so that a mark could pass a row that nobody can see yet.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils.module_loading import import_string

from core.actors import Actor, system_actor
from lineage.identity.nodes import Spec, ensure_nodes
from lineage.identity.same_datasets import join_versions
from lineage.models import Edge, Node, NodeKind, Relation, SuggestedEdge, SuggestionMark, SuggestionSeed
from lineage.suggestions.affected import affected_runs
from lineage.suggestions.lineage_methods import previous_runs, same_addresses, similar_names
from lineage.suggestions.methods import Method, Suggestion
from lineage.suggestions.names import store_names
from lineage.suggestions.versions import named_inputs
from lineage.visibility import hidden_nodes

SETTLED = timedelta(seconds=60)
# A round of the schedule looks at this many batches of so many new nodes, new edges and seeds each.
BATCHES = 10
BATCH = 500
# How many new nodes, and new edges, are read to count those that wait.
MOST_COUNTED = 1000
# How many stored suggestions around the nodes of a page are read.
_MOST_STORED = 1000


class Suggester(Protocol):
    """The interface of an entry of LINEAGE_SUGGESTERS."""

    def __call__(self, nodes: Sequence[Node]) -> list[Suggestion]: ...


@dataclass(frozen=True, slots=True)
class _Batch:
    """The next nodes to look at, and the marks and seeds once that is done."""

    ids: frozenset[int]
    last_node: int
    last_edge: int
    seeds: tuple[int, ...]


def derive_changed(*, now: datetime) -> int:
    """Derive the suggestions of nodes that changed, and return how many nodes were looked at.

    One call looks at up to BATCHES * BATCH new nodes, as many new edges and seeds. The next goes on from there.
    """
    total = 0
    for _ in range(BATCHES):
        count = _derive_batch(now - SETTLED)
        total += count
        if not count:
            break
    return total


def look_again(spec: Spec) -> None:
    """Have the next round of the schedule look at a node: a fact changed that is neither a node nor an edge."""
    (node,) = ensure_nodes(spec)
    SuggestionSeed.objects.get_or_create(node=node)


def waiting_changes(actor: Actor) -> int:
    """Return how many new nodes and edges that the actor may see wait for the schedule, at most MOST_COUNTED of each.

    An edge counts if the actor may see both its ends.
    """
    mark = SuggestionMark.objects.first() or SuggestionMark(pk=1)
    nodes = list(Node.objects.filter(pk__gt=mark.last_node).order_by("pk")[:MOST_COUNTED])
    new_edges = Edge.objects.filter(pk__gt=mark.last_edge).select_related("src", "dst")
    edges = list(new_edges.order_by("pk")[:MOST_COUNTED])
    hidden = hidden_nodes(actor, [*nodes, *(end for edge in edges for end in (edge.src, edge.dst))])
    seen_nodes = sum(node.pk not in hidden for node in nodes)
    return seen_nodes + sum(not {edge.src_id, edge.dst_id} & hidden for edge in edges)


def stored_suggestions(ids: Collection[int]) -> list[Suggestion]:
    """Return the derived suggestions with an end among the nodes, without those that the graph has answered since."""
    same = Edge.objects.filter(src=OuterRef("src"), dst=OuterRef("dst"), rel=OuterRef("rel"))
    joined = Edge.objects.filter(src=OuterRef("src"), rel=Relation.SAME_BYTES, dst__out_edges__dst=OuterRef("dst"))
    rows = SuggestedEdge.objects.filter(Q(src__in=ids) | Q(dst__in=ids), src__alias_of=None, dst__alias_of=None)
    rows = rows.exclude(Exists(same)).exclude(Q(rel=Relation.SAME_BYTES) & Exists(joined)).select_related("src", "dst")
    edges = list(rows.order_by("-pk")[:_MOST_STORED])
    reads = [edge for edge in edges if edge.rel == Relation.CONSUMED]
    named = named_inputs(edge.dst_id for edge in reads) if reads else set()
    return [
        Suggestion(edge.src, edge.dst, Relation(edge.rel), Method(edge.method), edge.evidence)
        for edge in edges
        if edge.rel != Relation.CONSUMED or (edge.dst_id, edge.src.container_id or 0) not in named
    ]


@transaction.atomic
def _derive_batch(settled: datetime) -> int:
    """Look at the next batch, and return how many nodes it had. Another worker waits for the mark."""
    SuggestionMark.objects.get_or_create(pk=1)
    mark = SuggestionMark.objects.select_for_update().get(pk=1)
    batch = _next_batch(mark, settled)
    if not batch.ids:
        return 0
    nodes = _nodes(batch.ids)
    containers = {node.container for node in nodes if node.container and node.kind == NodeKind.DATASET_VERSION}
    store_names({*nodes, *containers})
    _join_names(nodes)
    affected = affected_runs(nodes)
    nodes += _nodes(affected)
    suggestions = [*same_addresses(nodes), *previous_runs(nodes), *similar_names(nodes)]
    for path in settings.LINEAGE_SUGGESTERS:
        suggester: Suggester = import_string(path)
        suggestions += suggester(nodes)
    _replace(batch.ids | affected, suggestions)
    SuggestionSeed.objects.filter(pk__in=batch.seeds).delete()
    mark.last_node, mark.last_edge = batch.last_node, batch.last_edge
    mark.save(update_fields=["last_node", "last_edge"])
    return len(batch.ids)


def _join_names(nodes: Sequence[Node]) -> None:
    """Join new versions with those under other names of their datasets, which two transactions at once may miss."""
    versions = [(node.container, node.version) for node in nodes if node.kind == NodeKind.DATASET_VERSION]
    actor = system_actor("suggest_edges")
    join_versions(actor=actor, versions=[(dataset, version) for dataset, version in versions if dataset is not None])


def _nodes(ids: Collection[int]) -> list[Node]:
    return list(Node.objects.select_related("container").filter(pk__in=ids, alias_of__isnull=True)) if ids else []


def _next_batch(mark: SuggestionMark, settled: datetime) -> _Batch:
    nodes = Node.objects.filter(pk__gt=mark.last_node).order_by("pk").values_list("pk", "recorded_at")
    edges = Edge.objects.filter(pk__gt=mark.last_edge).order_by("pk").values_list("pk", "recorded_at", "src", "dst")
    seeds = dict(SuggestionSeed.objects.order_by("pk").values_list("pk", "node_id")[:BATCH])
    ids, last_node, last_edge = set(seeds.values()), mark.last_node, mark.last_edge
    for node_id, recorded_at in nodes[:BATCH]:
        if recorded_at > settled:
            break
        ids.add(node_id)
        last_node = node_id
    for edge_id, recorded_at, src, dst in edges[:BATCH]:
        if recorded_at > settled:
            break
        ids |= {src, dst}
        last_edge = edge_id
    return _Batch(frozenset(ids), last_node, last_edge, tuple(seeds))


def _replace(ids: frozenset[int], suggestions: Sequence[Suggestion]) -> None:
    """Store the suggestions of nodes in place of those that were derived for them before."""
    SuggestedEdge.objects.filter(Q(dst__in=ids) | Q(src__in=ids, rel=Relation.SAME_BYTES)).delete()
    rows = [
        SuggestedEdge(src=row.src, dst=row.dst, rel=row.relation, method=row.method, evidence=row.evidence[:1000])
        for row in suggestions
    ]
    SuggestedEdge.objects.bulk_create(rows, ignore_conflicts=True)
