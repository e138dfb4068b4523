"""The versions of datasets that a run without a version may have read: those that were written before it began."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max, Min, Q

from core.bulk import among
from lineage.identity.names import READ_BY, UNVERSIONED
from lineage.models import Edge, LineageEvent, Node, NodeKind, Relation

# How many versions of datasets are read, newest first.
MOST_VERSIONS = 2000


@dataclass(frozen=True, slots=True)
class Candidate:
    """A named version of a dataset: when it was written, and the runs that wrote it."""

    node: Node
    written_at: datetime
    runs: frozenset[int]


def newest_versions(containers: Iterable[int | None]) -> list[Node]:
    """Return the newest versions of datasets, at most MOST_VERSIONS of all together."""
    versions = Node.objects.filter(container__in=set(containers), kind=NodeKind.DATASET_VERSION, alias_of__isnull=True)
    return list(versions.order_by("-pk")[:MOST_VERSIONS])


def is_unnamed(node: Node) -> bool:
    """Return whether a version stands for a reading that named no version."""
    return node.version == UNVERSIONED or node.version.startswith(READ_BY)


def unnamed_source() -> Q:
    """Return the condition that the source of an edge stands for a reading that named no version."""
    return Q(src__version=UNVERSIONED) | Q(src__version__startswith=READ_BY)


def candidates(versions: Sequence[Node]) -> Mapping[int, list[Candidate]]:
    """Return versions by their dataset. A version was written when its run ended, or when it was recorded."""
    edges = Edge.objects.select_related("src").filter(dst__in=[node.pk for node in versions], rel=Relation.PRODUCED)
    runs_by_version: dict[int, list[Node]] = defaultdict(list)
    for edge in edges:
        runs_by_version[edge.dst_id].append(edge.src)
    ended = event_times((run.urn for runs in runs_by_version.values() for run in runs), last=True)
    by_container: dict[int, list[Candidate]] = defaultdict(list)
    for node in versions:
        runs = runs_by_version[node.pk]
        times = [ended[run.urn] for run in runs if run.urn in ended]
        at = max(times) if times else node.recorded_at
        by_container[node.container_id or 0].append(Candidate(node, at, frozenset(run.pk for run in runs)))
    return by_container


def last_before(versions: Iterable[Candidate], run: Node, at: datetime) -> Candidate | None:
    """Return the last version that was written by a time and not by the run itself, None without one."""
    before = [version for version in versions if version.written_at <= at and run.pk not in version.runs]
    return max(before, key=lambda version: (version.written_at, version.node.pk), default=None)


def event_times(run_urns: Iterable[str], *, last: bool) -> dict[str, datetime]:
    """Return the time of the first or last OpenLineage event of each run that has any."""
    subjects = sorted(set(run_urns))
    if not subjects:
        return {}
    rows = LineageEvent.objects.filter(subject__in=among(subjects)).values("subject")
    return dict(rows.annotate(at=(Max if last else Min)("event_time")).values_list("subject", "at").order_by("subject"))


def named_inputs(runs: Iterable[int]) -> set[tuple[int, int]]:
    """Return pairs of a run and a dataset of which the run read a named version."""
    rows = Edge.objects.filter(dst__in=set(runs), rel=Relation.CONSUMED).exclude(unnamed_source())
    return {(run, container or 0) for run, container in rows.values_list("dst_id", "src__container_id")}
