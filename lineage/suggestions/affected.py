"""Runs whose suggestions follow from other nodes: so a suggestion does not depend on which of its ends changed last."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from lineage.models import DatasetName, Edge, Node, NodeKind, Relation
from lineage.suggestions.jobs import consecutive_runs
from lineage.suggestions.versions import MOST_VERSIONS, unnamed_source


def affected_runs(nodes: Sequence[Node]) -> set[int]:
    """Return the runs whose suggestions may follow from these nodes, without the nodes themselves.

    They are the runs that come after one of these runs in its job, or after a run that read one of these datasets; and
    the runs that read a dataset with a similar name without a version. At most MOST_VERSIONS of each, the newest.
    """
    runs = {node.pk for node in nodes if node.kind == NodeKind.RUN}
    datasets = {node.container_id for node in nodes if node.kind == NodeKind.DATASET_VERSION} - {None}
    earlier = runs | _readers(datasets)
    following = {run for run_before, run in consecutive_runs(earlier) if run_before in earlier}
    return (following | _readers_of_similar(datasets)) - runs


def _readers(datasets: Collection[int | None]) -> set[int]:
    """Return the runs that read a version of these datasets."""
    if not datasets:
        return set()
    rows = Edge.objects.filter(src__container__in=datasets, rel=Relation.CONSUMED).order_by("-pk")
    return set(rows.values_list("dst_id", flat=True)[:MOST_VERSIONS])


def _readers_of_similar(datasets: Collection[int | None]) -> set[int]:
    """Return the runs that read, without a version, a dataset whose name is like that of one of these datasets."""
    plain = DatasetName.objects.filter(node__in=datasets).exclude(plain="").values_list("plain", flat=True)
    keys = set(plain) if datasets else set()
    if not keys:
        return set()
    similar = DatasetName.objects.filter(plain__in=keys).order_by("node_id").values_list("node_id", flat=True)
    rows = Edge.objects.filter(
        unnamed_source(), src__container__in=list(similar[:MOST_VERSIONS]), rel=Relation.CONSUMED
    )
    return set(rows.order_by("-pk").values_list("dst_id", flat=True)[:MOST_VERSIONS])
