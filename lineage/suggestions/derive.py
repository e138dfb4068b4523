"""Suggested edges: likely edges that no run and no person has claimed.

They are derived on request, and only decisions on them are stored. No gate, impact or quarantine counts them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db.models import Max, Min

from core.actors import Actor
from core.bulk import among
from core.times import iso_utc
from lineage.identity.names import UNVERSIONED, digest_hex
from lineage.models import Edge, LineageEvent, Node, NodeKind, Relation, SuggestionDecision
from lineage.visibility import hidden_nodes

# How many versions of datasets are read, newest first, and how many versions with the same digests.
_MOST_VERSIONS = 2000
_MOST_NAMES = 200
_FULL_DIGEST = 32
_READ_BY = "read by "


class Method(StrEnum):
    """The method by which an edge was inferred."""

    LAST_VERSION = "last_version"
    SAME_SHORT_DIGEST = "same_short_digest"


# The confidence of a method, from 0 to 1: a fixed number, explained in docs/reference.md.
CONFIDENCE = {Method.LAST_VERSION: 0.7, Method.SAME_SHORT_DIGEST: 0.9}


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A suggested edge, and why it is likely."""

    src: Node
    dst: Node
    relation: Relation
    method: Method
    evidence: str

    @property
    def key(self) -> tuple[int, int, int, str]:
        """Return the key of the suggestion: source, target, relation, method."""
        return self.src.pk, self.dst.pk, self.relation.value, self.method.value

    @property
    def confidence(self) -> float:
        """Return the likelihood of the edge, from 0 to 1."""
        return CONFIDENCE[self.method]


def open_suggestions(actor: Actor, nodes: Sequence[Node]) -> list[Suggestion]:
    """Return the undecided suggestions with an end among the nodes, the likeliest first.

    Suggestions with an end that the actor may not see are left out.
    """
    ids = {node.pk for node in nodes}
    derived = [*_last_versions(nodes), *_same_digests(nodes)]
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


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A named version of a dataset: when it was written, and the runs that wrote it."""

    node: Node
    written_at: datetime
    runs: frozenset[int]


def _last_versions(nodes: Iterable[Node]) -> list[Suggestion]:
    """Return, for each run that read a dataset without saying which version, the last one written before it began."""
    containers = {node.container_id for node in nodes if node.kind == NodeKind.DATASET_VERSION}
    versions = Node.objects.filter(container__in=containers, kind=NodeKind.DATASET_VERSION, alias_of__isnull=True)
    newest = list(versions.order_by("-pk")[:_MOST_VERSIONS])
    unnamed = {node.pk: node for node in newest if _is_unnamed(node)}
    if not unnamed:
        return []
    reads = Edge.objects.select_related("dst").filter(src__in=unnamed, rel=Relation.CONSUMED).order_by("-pk")
    readers = [(unnamed[edge.src_id].container_id or 0, edge.dst) for edge in reads[:_MOST_VERSIONS]]
    candidates = _candidates([node for node in newest if node.pk not in unnamed])
    began = _event_times([run for _, run in readers], last=False)
    named = _named_inputs([run for _, run in readers])
    suggestions = []
    for container, run in readers:
        if (run.pk, container) in named:
            continue
        at = began.get(run.urn, run.recorded_at)
        before = [
            version for version in candidates[container] if version.written_at <= at and run.pk not in version.runs
        ]
        if before:
            last = max(before, key=lambda version: (version.written_at, version.node.pk))
            evidence = (
                f"The run began at {iso_utc(at)} and read {last.node.name} without a version. "
                f"This was the last version by then, of {iso_utc(last.written_at)}."
            )
            suggestions.append(Suggestion(last.node, run, Relation.CONSUMED, Method.LAST_VERSION, evidence))
    return suggestions


def _is_unnamed(node: Node) -> bool:
    return node.version == UNVERSIONED or node.version.startswith(_READ_BY)


def _candidates(versions: Sequence[Node]) -> Mapping[int, list[_Candidate]]:
    """Return versions by their dataset. A version was written when its run ended, or when it was recorded."""
    edges = Edge.objects.select_related("src").filter(dst__in=[node.pk for node in versions], rel=Relation.PRODUCED)
    runs_by_version: dict[int, list[Node]] = defaultdict(list)
    for edge in edges:
        runs_by_version[edge.dst_id].append(edge.src)
    ended = _event_times([run for runs in runs_by_version.values() for run in runs], last=True)
    candidates: dict[int, list[_Candidate]] = defaultdict(list)
    for node in versions:
        runs = runs_by_version[node.pk]
        times = [ended[run.urn] for run in runs if run.urn in ended]
        at = max(times) if times else node.recorded_at
        candidates[node.container_id or 0].append(_Candidate(node, at, frozenset(run.pk for run in runs)))
    return candidates


def _event_times(runs: Sequence[Node], *, last: bool) -> dict[str, datetime]:
    """Return the time of the first or last OpenLineage event of each run that has any."""
    if not runs:
        return {}
    rows = LineageEvent.objects.filter(subject__in=among(sorted({run.urn for run in runs}))).values("subject")
    return dict(rows.annotate(at=(Max if last else Min)("event_time")).values_list("subject", "at").order_by("subject"))


def _named_inputs(runs: Sequence[Node]) -> set[tuple[int, int]]:
    """Return pairs of a run and a dataset of which the run read a named version."""
    rows = Edge.objects.filter(dst__in=[run.pk for run in runs], rel=Relation.CONSUMED)
    rows = rows.exclude(src__version=UNVERSIONED).exclude(src__version__startswith=_READ_BY)
    return {(run, container or 0) for run, container in rows.values_list("dst_id", "src__container_id")}


def _same_digests(nodes: Iterable[Node]) -> list[Suggestion]:
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
