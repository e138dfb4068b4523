"""Facts about a dataset from OpenLineage events, and the run that used it without naming a version."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from approvals.models.oversight import Finding
from approvals.oversight.finding_queries import visible_findings
from console.shell.formatting import run_without_version
from console.shell.links import lineage_url
from core.actors import Actor
from core.refs import run_ref
from lineage.croissant.registration import descriptions_of
from lineage.identity.names import WRITTEN_BY
from lineage.models import DatasetFacts, DatasetFile, Edge, JobDataset, Node, NodeKind, Quarantine, Relation
from lineage.openlineage.dataset_names import clean_name, clean_namespace, dataset_of
from lineage.openlineage.jobs import visible_runs_of
from lineage.openlineage.merge import facets_of
from lineage.visibility import known_nodes

_MOST_JOBS = 20
_MOST_FILES = 50
_MOST_SAME = 50
_MOST_FINDINGS = 20


@dataclass(frozen=True, slots=True)
class ColumnSource:
    """A column that another column is computed from. ``how`` names the transformations, "" for none."""

    dataset: str
    column: str
    how: str


@dataclass(frozen=True, slots=True)
class DatasetAbout:
    """Facts about a dataset from OpenLineage events: its columns with their sources, and the jobs that use it.

    ``column_lineage`` is the columnLineage facet as JSON, as the event had it.
    """

    description: str
    columns: list[tuple[str, str]]
    sources: list[tuple[str, list[ColumnSource]]]
    column_lineage: str
    written_by: list[str]
    read_by: list[str]


@dataclass(frozen=True, slots=True)
class DescribedFiles:
    """The files of a dataset version in its newest Croissant document, at most 50, and how many there are."""

    files: list[DatasetFile]
    total: int
    by: str
    at: datetime
    url: str


def described_files(node: Node) -> DescribedFiles | None:
    """Return the files of a dataset version as its newest document lists them, None without one; three queries."""
    descriptions = descriptions_of(node)
    if not descriptions:
        return None
    newest = descriptions[0]
    rows = newest.files.order_by("pk")
    url = f"{reverse('lineage-croissant')}?{urlencode({'dataset_version': node.urn})}"
    return DescribedFiles(list(rows[:_MOST_FILES]), rows.count(), newest.described_by, newest.recorded_at, url)


@dataclass(frozen=True, slots=True)
class SameContent:
    """Another dataset version with the same contents, and how that is known."""

    node: Node
    why: str


def same_contents(actor: Actor, node: Node) -> list[SameContent]:
    """Return the versions with the same bytes as this one, or with another name of it, that the actor may see.

    A fixed number of queries.
    """
    joined = Edge.objects.filter(src=node, rel__in=[Relation.SAME_BYTES, Relation.SAME_VERSION]).select_related("dst")
    # Equal bytes are joined by a node of their own, names by the version whose URN sorts first: two steps at most.
    near = [edge.dst for edge in joined]
    further = Edge.objects.filter(src__in=near, rel__in=[Relation.SAME_BYTES, Relation.SAME_VERSION])
    why = {other.pk: SameContent(other, "another name of it") for other in near if other.kind != NodeKind.CONTENT}
    for edge in further.exclude(dst=node).select_related("dst")[:_MOST_SAME]:
        if edge.dst.kind != NodeKind.CONTENT:
            text = "another name of it" if edge.rel == Relation.SAME_VERSION else "the same bytes"
            why.setdefault(edge.dst_id, SameContent(edge.dst, text))
    visible = known_nodes(actor, [same.node for same in why.values()])
    return [why[other.pk] for other in sorted(visible, key=lambda other: other.urn)]


def quarantine_findings(actor: Actor, history: Iterable[Quarantine]) -> list[Finding]:
    """Return the findings that these quarantines opened on model versions the actor may see, open ones first."""
    causes = [f"quarantine:{row.pk}" for row in history]
    return list(visible_findings(actor).filter(cause__in=causes)[:_MOST_FINDINGS]) if causes else []


@dataclass(frozen=True, slots=True)
class UnnamedUse:
    """The run that read or wrote a dataset without naming its version."""

    name: str
    url: str
    is_written: bool


def unnamed_use(node: Node) -> UnnamedUse | None:
    """Return the run whose use of the dataset a version stands for, None for a named version."""
    run_id = run_without_version(node.version)
    if not run_id:
        return None
    name = Node.objects.filter(urn=run_ref(run_id)).values_list("name", flat=True).first()
    return UnnamedUse(name or f"run {run_id[:8]}", lineage_url(run_ref(run_id)), node.version.startswith(WRITTEN_BY))


def dataset_about(actor: Actor, node: Node) -> DatasetAbout | None:
    """Return the OpenLineage facts about the dataset of a version, None where no event named it.

    Jobs and source datasets that the actor may not see are left out. A fixed number of queries.
    """
    row = DatasetFacts.objects.filter(node=node.container_id).first()
    if row is None:
        return None
    facets = facets_of(json.loads(row.merged).get("facets", {}))
    jobs = (
        JobDataset.objects.filter(dataset=node.container_id)
        .select_related("job")
        .order_by("job__namespace", "job__name")
    )
    visible = visible_runs_of(actor, set(jobs.values_list("job_id", flat=True)))
    directions = [(link.direction, str(link.job)) for link in jobs.filter(job__in=visible)[:_MOST_JOBS]]
    lineage = _visible_columns(actor, facets.get("columnLineage"))
    return DatasetAbout(
        description=str(facets.get("documentation", {}).get("description", "")),
        columns=[
            (str(column.get("name", "")), str(column.get("type", "")))
            for column in _objects(facets.get("schema", {}).get("fields"))
        ],
        sources=_column_sources(lineage or {}),
        column_lineage=json.dumps(lineage, indent=2, ensure_ascii=False) if lineage else "",
        written_by=[name for direction, name in directions if direction == "out"],
        read_by=[name for direction, name in directions if direction == "in"],
    )


def _visible_columns(actor: Actor, facet: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return a columnLineage facet without the columns of datasets that the actor may not see."""
    if not facet:
        return facet
    fields = facet.get("fields")
    named = [*_objects(facet.get("dataset"))]
    for column in _objects(list(fields.values())) if isinstance(fields, dict) else []:
        named += _objects(column.get("inputFields"))
    urn_of = {_source_key(source): dataset_of(*_source_key(source)).urn for source in named}
    nodes = Node.objects.filter(urn__in=set(urn_of.values()))
    hidden = {node.urn for node in nodes} - {node.urn for node in known_nodes(actor, nodes)}
    if not hidden:
        return facet
    secret = {key for key, urn in urn_of.items() if urn in hidden}
    visible_facet: dict[str, Any] = json.loads(json.dumps(facet))
    for part in [visible_facet, *_objects(list(visible_facet.get("fields", {}).values()))]:
        for key in ("dataset", "inputFields"):
            if isinstance(part.get(key), list):
                part[key] = [item for item in part[key] if not _names(item, secret)]
    return visible_facet


def _source_key(source: dict[str, Any]) -> tuple[str, str]:
    return clean_namespace(str(source.get("namespace", ""))), clean_name(str(source.get("name", "")))


def _names(item: object, keys: set[tuple[str, str]]) -> bool:
    return isinstance(item, dict) and _source_key(item) in keys


def _column_sources(facet: dict[str, Any]) -> list[tuple[str, list[ColumnSource]]]:
    fields = facet.get("fields")
    sources = []
    for column, source in fields.items() if isinstance(fields, dict) else ():
        inputs = _objects(source.get("inputFields")) if isinstance(source, dict) else []
        sources.append((column, [_column_source(field) for field in inputs]))
    return sources


def _column_source(source: dict[str, Any]) -> ColumnSource:
    steps = [str(step.get("subtype") or step.get("type") or "") for step in _objects(source.get("transformations"))]
    how = ", ".join(step.lower() for step in steps if step)
    return ColumnSource(str(source.get("name", "")), str(source.get("field", "")), how)


def _objects(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
