"""Reads for the pages of datasets and endpoints, each in a fixed number of queries."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, Exists, OuterRef, Prefetch, Q, QuerySet

from core.actors import Actor
from lineage.models import Edge, Node, NodeKind, Quarantine, Relation
from lineage.quarantine import Taint, may_keep, quarantines_of, taint_of
from lineage.queries import descendants
from registry.models import Deployment, Endpoint, ModelVersion
from registry.permissions import visible_versions
from registry.queries import production_descendants

_READ_EDGES = 100


def endpoint_rows(actor: Actor) -> QuerySet[Endpoint]:
    """Return endpoints with the deployments that are live and whose model the actor may see."""
    seen = Deployment.objects.filter(version__in=visible_versions(actor)).select_related("version__model")
    return Endpoint.objects.prefetch_related(
        Prefetch("deployments", queryset=seen.filter(ended_at__isnull=True).order_by("-number"), to_attr="live"),
    ).annotate(
        rollouts=Count("deployments", filter=Q(deployments__version__in=visible_versions(actor)))
    ).order_by("name")  # fmt: skip


def dataset_rows(text: str = "") -> QuerySet[Node]:
    """Return dataset versions, by name and newest first, with the number of runs that read each."""
    rows = Node.objects.filter(kind=NodeKind.DATASET_VERSION).annotate(
        run_count=Count("out_edges__dst", filter=Q(out_edges__rel=Relation.CONSUMED), distinct=True),
        is_quarantined=Exists(Quarantine.objects.filter(node=OuterRef("pk"), released_at__isnull=True)),
    )
    if text:
        rows = rows.filter(Q(name__icontains=text) | Q(version__icontains=text) | Q(digest__startswith=text))
    return rows.order_by("name", "-id")


@dataclass(slots=True)
class Reader:
    """A run that read a dataset version: in which roles, and when that was first recorded."""

    run: Node
    roles: list[str]
    at: datetime.datetime


@dataclass(frozen=True, slots=True)
class DatasetUses:
    """What a dataset version touched: the runs that read it, and the versions, endpoints and others downstream."""

    runs: list[Reader]
    versions: list[ModelVersion]
    endpoints: list[Node]
    truncated: bool


def dataset_uses(actor: Actor, node: Node, limit: int = 500) -> DatasetUses:
    """Return the impact of a dataset version, in a fixed number of queries."""
    edges = Edge.objects.filter(src=node, rel=Relation.CONSUMED).select_related("dst").order_by("-id")[:_READ_EDGES]
    below = descendants(node, limit=limit)
    named = [(found.name, int(found.version)) for found in below.nodes if found.kind == NodeKind.MODEL_VERSION]
    wanted = visible_versions(actor).filter(model__name__in=[name for name, _ in named]).select_related("model")
    versions = [
        row for row in wanted.order_by("model__name", "-version") if (row.model.name, row.version) in set(named)
    ]
    return DatasetUses(
        runs=_readers(edges),
        versions=versions,
        endpoints=[found for found in below.nodes if found.kind == NodeKind.ENDPOINT],
        truncated=below.truncated,
    )


def _readers(edges: Iterable[Edge]) -> list[Reader]:
    """Return each run once: one that logged the data and names it in a tag has two edges to it."""
    found: dict[int, Reader] = {}
    for edge in edges:
        reader = found.setdefault(edge.dst_id, Reader(edge.dst, [], edge.recorded_at))
        reader.at = min(reader.at, edge.recorded_at)
        if edge.role and edge.role not in reader.roles:
            reader.roles.append(edge.role)
    return list(found.values())


@dataclass(frozen=True, slots=True)
class DatasetQuarantine:
    """Whether a dataset version is quarantined (``stands``), or stands on data that are; what is live on it; who may act."""

    stands: Quarantine | None
    taint: Taint
    history: list[Quarantine]
    live: list[ModelVersion]
    may_place: bool
    may_release: bool


def dataset_quarantine(actor: Actor, node: Node) -> DatasetQuarantine:
    """Return the state of a dataset version. Only versions the actor may see are among the live ones."""
    history = quarantines_of(node)
    stands = next((row for row in history if row.released_at is None), None)
    live = production_descendants(node.urn).versions
    known = set(visible_versions(actor).filter(pk__in=[row.pk for row in live]).values_list("pk", flat=True))
    taint = taint_of(node.urn)
    return DatasetQuarantine(
        stands=stands,
        taint=Taint(tuple(row for row in taint.quarantines if row.node_id != node.pk), taint.complete),
        history=history,
        live=[row for row in live if row.pk in known],
        may_place=stands is None and may_keep(actor, people_only=False),
        may_release=stands is not None and may_keep(actor, people_only=True),
    )
