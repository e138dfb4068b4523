"""Lists and details of datasets and endpoints, each in a fixed number of queries."""

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
    """The impact of a dataset version: the runs that read it, and the versions and endpoints that descend from it.

    ``truncated`` tells that there is more than was read.
    """

    runs: list[Reader]
    versions: list[ModelVersion]
    endpoints: list[Node]
    truncated: bool


def dataset_uses(actor: Actor, node: Node, limit: int = 500) -> DatasetUses:
    """Return the impact of a dataset version, with the versions this actor may see; a fixed number of queries."""
    edges = Edge.objects.filter(src=node, rel=Relation.CONSUMED).select_related("dst").order_by("-id")[:_READ_EDGES]
    below = descendants(node, limit=limit)
    keys = {(row.name, int(row.version)) for row in below.nodes if row.kind == NodeKind.MODEL_VERSION}
    rows = visible_versions(actor).filter(model__name__in={name for name, _ in keys}).select_related("model")
    versions = [row for row in rows.order_by("model__name", "-version") if (row.model.name, row.version) in keys]
    return DatasetUses(
        runs=_readers(edges),
        versions=versions,
        endpoints=[row for row in below.nodes if row.kind == NodeKind.ENDPOINT],
        truncated=below.truncated,
    )


def _readers(edges: Iterable[Edge]) -> list[Reader]:
    """Return each run once: a run that logged the data and names it in a tag has two edges to it."""
    readers: dict[int, Reader] = {}
    for edge in edges:
        reader = readers.setdefault(edge.dst_id, Reader(edge.dst, [], edge.recorded_at))
        reader.at = min(reader.at, edge.recorded_at)
        if edge.role and edge.role not in reader.roles:
            reader.roles.append(edge.role)
    return list(readers.values())


@dataclass(frozen=True, slots=True)
class DatasetQuarantine:
    """The quarantine of a dataset version.

    ``in_force`` is its own quarantine, ``taint`` those of data it descends from, ``live`` the versions in Production that
    descend from it.
    """

    in_force: Quarantine | None
    taint: Taint
    history: list[Quarantine]
    live: list[ModelVersion]
    may_place: bool
    may_release: bool


def dataset_quarantine(actor: Actor, node: Node) -> DatasetQuarantine:
    """Return the quarantine of a dataset version, with the live versions this actor may see."""
    history = quarantines_of(node)
    in_force = next((row for row in history if row.released_at is None), None)
    live = production_descendants(node.urn).versions
    visible = set(visible_versions(actor).filter(pk__in=[row.pk for row in live]).values_list("pk", flat=True))
    taint = taint_of(node.urn)
    return DatasetQuarantine(
        in_force=in_force,
        taint=Taint(tuple(row for row in taint.quarantines if row.node_id != node.pk), taint.complete),
        history=history,
        live=[row for row in live if row.pk in visible],
        may_place=in_force is None and may_keep(actor, people_only=False),
        may_release=in_force is not None and may_keep(actor, people_only=True),
    )
