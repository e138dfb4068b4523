"""Suggested edges: likely edges that no run and no person has claimed.

Two methods are derived on request, the others by the schedule (generate.py). No gate, impact or quarantine counts one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from core.actors import Actor
from core.times import iso_utc
from lineage.identity.names import digest_hex
from lineage.models import Edge, Node, NodeKind, Relation, SuggestionDecision
from lineage.suggestions.generate import stored_suggestions
from lineage.suggestions.methods import Method, Suggestion
from lineage.suggestions.versions import (
    MOST_VERSIONS,
    candidates,
    event_times,
    is_unnamed,
    last_before,
    named_inputs,
    newest_versions,
    unnamed_source,
)
from lineage.visibility import hidden_nodes

# How many versions with the same digests are read.
_MOST_NAMES = 200
_FULL_DIGEST = 32


def open_suggestions(actor: Actor, nodes: Sequence[Node]) -> list[Suggestion]:
    """Return the undecided suggestions with an end among the nodes, the likeliest first.

    Suggestions with an end that the actor may not see are left out.
    """
    ids = {node.pk for node in nodes}
    derived = [*_last_versions(nodes), *_same_digests(nodes), *stored_suggestions(ids)]
    likely = [edge for edge in derived if edge.src.pk in ids or edge.dst.pk in ids]
    if not likely:
        return []
    rows = SuggestionDecision.objects.filter(dst__in={edge.dst.pk for edge in likely})
    decided = set(rows.values_list("src_id", "dst_id", "rel", "method"))
    hidden = hidden_nodes(actor, {end.pk: end for edge in likely for end in (edge.src, edge.dst)}.values())
    undecided = {
        edge.key: edge
        for edge in likely
        if edge.key not in decided and edge.src.pk not in hidden and edge.dst.pk not in hidden
    }
    return sorted(undecided.values(), key=lambda edge: (-edge.confidence, edge.key))


def _last_versions(nodes: Sequence[Node]) -> list[Suggestion]:
    """Return, for each run that read a dataset without saying which version, the last one written before it began."""
    datasets = {node.container_id for node in nodes if node.kind == NodeKind.DATASET_VERSION}
    runs = [node.pk for node in nodes if node.kind == NodeKind.RUN]
    if runs:
        read = Edge.objects.filter(unnamed_source(), dst__in=runs, rel=Relation.CONSUMED).order_by("-pk")
        datasets.update(read.values_list("src__container_id", flat=True)[:MOST_VERSIONS])
    newest = newest_versions(datasets - {None})
    unnamed = {node.pk: node for node in newest if is_unnamed(node)}
    if not unnamed:
        return []
    reads = Edge.objects.select_related("dst").filter(src__in=unnamed, rel=Relation.CONSUMED).order_by("-pk")
    readers = [(unnamed[edge.src_id].container_id or 0, edge.dst) for edge in reads[:MOST_VERSIONS]]
    by_container = candidates([node for node in newest if node.pk not in unnamed])
    began = event_times((run.urn for _, run in readers), last=False)
    named = named_inputs(run.pk for _, run in readers)
    suggestions = []
    for container, run in readers:
        at = began.get(run.urn, run.recorded_at)
        last = last_before(by_container.get(container, ()), run, at)
        if last and (run.pk, container) not in named:
            evidence = (
                f"The run began at {iso_utc(at)} and read {last.node.name} without a version. "
                f"This was the last version by then, of {iso_utc(last.written_at)}."
            )
            suggestions.append(Suggestion(last.node, run, Relation.CONSUMED, Method.LAST_VERSION, evidence))
    return suggestions


def _same_digests(nodes: Sequence[Node]) -> list[Suggestion]:
    """Return pairs of versions of two datasets with the same short digest. A full digest joins them by itself."""
    versions = [node for node in nodes if node.kind == NodeKind.DATASET_VERSION and _is_short(node.digest)]
    if not versions:
        return []
    rows = Node.objects.filter(
        kind=NodeKind.DATASET_VERSION, digest__in={node.digest for node in versions}, alias_of__isnull=True
    )
    by_digest: dict[str, list[Node]] = defaultdict(list)
    for node in rows.order_by("pk")[:_MOST_NAMES]:
        by_digest[node.digest].append(node)
    pairs = {
        (min(node.pk, other.pk), max(node.pk, other.pk)): tuple(sorted((node, other), key=lambda version: version.pk))
        for node in versions
        for other in by_digest[node.digest]
        if other.container_id != node.container_id
    }
    return [
        Suggestion(
            src,
            dst,
            Relation.SAME_BYTES,
            Method.SAME_SHORT_DIGEST,
            f"Both have the digest {src.digest}, which is too short to be proof.",
        )
        for src, dst in pairs.values()
    ]


def _is_short(digest: str) -> bool:
    return bool(digest) and len(digest_hex(digest)) < _FULL_DIGEST
