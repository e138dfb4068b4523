"""Lists and details of datasets and endpoints, each in a fixed number of queries."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import Count, Exists, OuterRef, Prefetch, Q, QuerySet
from django.http import HttpRequest

from approvals.models import LIVE_STATES, TransitionRequest
from approvals.oversight.deployment_problems import live_with_problems
from console.shell.open_problems import open_problems
from core.actors import Actor
from core.ids import row_id
from lineage.graph.reads import NodeRow
from lineage.identity.same_datasets import names_of
from lineage.models import Edge, Node, NodeKind, Quarantine, Relation
from lineage.quarantine import Taint, may_quarantine, quarantines_of, visible_taint
from lineage.queries import descendants
from lineage.visibility import hidden_nodes, known_nodes
from registry.models import Deployment, Endpoint, ModelVersion
from registry.permissions import Level, models_at_level, visible_endpoints, visible_versions
from registry.queries import live_descendants
from registry.stages import Stage
from tracking.visibility import visible_datasets, visible_readers

_READ_EDGES = 100
_VERSIONS = 20


def endpoint_rows(actor: Actor) -> QuerySet[Endpoint]:
    """Return endpoints by name, each with its live deployments of models that the actor may see in ``live``."""
    visible = Deployment.objects.filter(version__in=visible_versions(actor)).select_related("version__model")
    return visible_endpoints(actor).prefetch_related(
        Prefetch("deployments", queryset=live_with_problems(visible).order_by("-number"), to_attr="live"),
    ).annotate(
        rollouts=Count("deployments", filter=Q(deployments__version__in=visible_versions(actor)))
    ).order_by("name")  # fmt: skip


def problem_count(request: HttpRequest) -> int:
    """Return the number of live deployments with a problem that the person may see, for the sidebar."""
    return open_problems(request).deployments


def live_versions(endpoints: Iterable[Any]) -> list[ModelVersion]:
    """Return the versions of the live deployments of `endpoint_rows`."""
    return [deployment.version for endpoint in endpoints for deployment in endpoint.live]


def dataset_rows(actor: Actor, text: str = "") -> QuerySet[Node]:
    """Return the dataset versions this person may see, by name and newest first."""
    rows = Node.objects.filter(visible_datasets(actor), kind=NodeKind.DATASET_VERSION, alias_of__isnull=True)
    if text:
        rows = rows.filter(Q(name__icontains=text) | Q(version__icontains=text) | Q(digest__startswith=text))
    return rows.order_by("name", "-id")


def counted_datasets(actor: Actor, nodes: Iterable[Node]) -> list[Node]:
    """Return the same dataset versions in the same order, with the annotations ``run_count`` and ``is_quarantined``.

    Runs that this person may not see are not counted.
    """
    ids = [node.pk for node in nodes]
    rows = Node.objects.filter(pk__in=ids).annotate(
        run_count=Count("out_edges__dst", filter=visible_readers(actor), distinct=True),
        is_quarantined=Exists(
            Quarantine.objects.filter(
                Q(node=OuterRef("pk")) | Q(node__alias_of=OuterRef("pk")), released_at__isnull=True
            )
        ),
    )
    by_id = {node.pk: node for node in rows}
    return [by_id[pk] for pk in ids if pk in by_id]


@dataclass(slots=True)
class Reader:
    """A run that read a dataset version: in which roles, and when that was first recorded."""

    run: Node
    roles: list[str]
    at: datetime.datetime


@dataclass(frozen=True, slots=True)
class AffectedRow:
    """A version that descends from the data, and what can be done about it.

    ``request_id`` is its live request, 0 for none. ``may_act`` tells that this person may move the model's versions.
    """

    version: ModelVersion
    request_id: int
    is_deployed: bool
    may_act: bool

    @property
    def may_archive(self) -> bool:
        """Return whether the version is in a stage that it can be archived from."""
        return self.may_act and self.version.stage in (Stage.STAGING, Stage.PRODUCTION)


@dataclass(frozen=True, slots=True)
class DatasetUses:
    """The impact of a dataset version: the runs that read it, and the versions and endpoints that descend from it.

    ``runs_cut`` tells that ``runs`` has only the newest runs. ``truncated`` tells that there are more versions or
    endpoints than these.
    """

    runs: list[Reader]
    run_count: int
    runs_cut: bool
    versions: list[AffectedRow]
    endpoints: list[NodeRow]
    truncated: bool


def dataset_uses(actor: Actor, node: Node, limit: int = 500) -> DatasetUses:
    """Return the impact of a dataset version, with the versions this actor may see; a fixed number of queries."""
    edges = list(
        Edge.objects.filter(src=node, rel=Relation.CONSUMED).select_related("dst").order_by("-id")[:_READ_EDGES]
    )
    hidden = hidden_nodes(actor, [edge.dst for edge in edges])
    below = descendants(node, limit=limit)
    version_nodes = (row for row in below.nodes if row.kind == NodeKind.MODEL_VERSION)
    keys = {(row.name, number) for row in version_nodes if (number := row_id(row.version))}
    rows = visible_versions(actor).filter(model__name__in={name for name, _ in keys}).select_related("model")
    versions = [row for row in rows.order_by("model__name", "-version") if (row.model.name, row.version) in keys]
    readers = Node.objects.filter(visible_readers(actor), pk=node.pk).values("out_edges__dst").distinct()
    return DatasetUses(
        runs=_readers(edge for edge in edges if edge.dst_id not in hidden),
        run_count=readers.count(),
        runs_cut=len(edges) == _READ_EDGES,
        versions=_affected(actor, versions),
        endpoints=known_nodes(actor, [row for row in below.nodes if row.kind == NodeKind.ENDPOINT]),
        truncated=below.truncated,
    )


def _affected(actor: Actor, versions: Sequence[ModelVersion]) -> list[AffectedRow]:
    """Return the affected versions, those in Production or deployed first; a fixed number of queries."""
    ids = [row.pk for row in versions]
    request_ids = dict(
        TransitionRequest.objects.filter(version__in=ids, state__in=LIVE_STATES).values_list("version_id", "pk")
    )
    deployed = set(
        Deployment.objects.filter(version__in=ids, ended_at__isnull=True).values_list("version_id", flat=True)
    )
    models = {row.model_id for row in versions}
    editable = set(models_at_level(actor, Level.EDIT).filter(pk__in=models).values_list("pk", flat=True))
    rows = [
        AffectedRow(row, request_ids.get(row.pk, 0), row.pk in deployed, row.model_id in editable) for row in versions
    ]
    return sorted(rows, key=lambda row: (not row.version.is_current, not row.is_deployed))


@dataclass(frozen=True, slots=True)
class DatasetVersions:
    """The newest versions of a dataset, and how many there are.

    ``contents`` are the digests that runs logged for the version on the page, empty where all logged the same.
    """

    versions: list[Node]
    total: int
    contents: list[str]


def dataset_versions(actor: Actor, node: Node) -> DatasetVersions:
    """Return the versions of the dataset of a version, under all its names; two queries where it has one name."""
    names = names_of(node.container).datasets if node.container else ()
    rows = Node.objects.filter(container__in=names, kind=NodeKind.DATASET_VERSION, alias_of__isnull=True)
    rows = rows.filter(visible_datasets(actor))
    others = [str(digest) for digest in node.attrs.get("other_digests", [])]
    return DatasetVersions(
        versions=list(rows.order_by("-id")[:_VERSIONS]),
        total=rows.count(),
        contents=[node.digest, *others] if others else [],
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

    ``in_force`` is its own quarantine, None for none. ``taint`` has the quarantines of data that it descends from.
    ``live`` are the versions in use that descend from it.
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
    live = live_descendants(node.urn).versions
    visible = set(visible_versions(actor).filter(pk__in=[row.pk for row in live]).values_list("pk", flat=True))
    taint = visible_taint(actor, node.urn)
    return DatasetQuarantine(
        in_force=in_force,
        taint=replace(taint, quarantines=tuple(row for row in taint.quarantines if row.node_id != node.pk)),
        history=history,
        live=[row for row in live if row.pk in visible],
        may_place=in_force is None and may_quarantine(actor, people_only=False),
        may_release=in_force is not None and may_quarantine(actor, people_only=True),
    )
