"""OpenLineage facts of datasets: the newest facets, named versions, and which jobs read and write them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from core.actors import Actor
from core.columns import long_text
from lineage.identity.nodes import ensure_nodes
from lineage.identity.same_datasets import join_versions
from lineage.identity.versions import ensure_meant_version
from lineage.models import DatasetFacts, Job, JobDataset, Node
from lineage.openlineage.dataset_names import dataset_of, version_of
from lineage.openlineage.events import LineageEvent, NamedDataset
from lineage.openlineage.merge import merged_dataset
from lineage.openlineage.other_names import other_names, state_names

_AT_ONCE = 500
JobName = tuple[str, str]


def merge_datasets(actor: Actor, events: Sequence[LineageEvent]) -> None:
    """Store the facts about datasets from events, in a fixed number of statements."""
    mentions: dict[str, list[tuple[NamedDataset, LineageEvent]]] = {}
    for event in events:
        for dataset in [*event.inputs, *event.outputs, *([event.dataset] if event.dataset else [])]:
            mentions.setdefault(dataset.key, []).append((dataset, event))
    statements = other_names(dataset for pairs in mentions.values() for dataset, _ in pairs)
    nodes = dataset_nodes([*mentions, *(key for pair in statements for key in pair[:2])])
    versions = {
        (event.dataset.key, version)
        for event in events
        if event.dataset and (version := version_of(event.dataset.facets, event.dataset.use))
    }
    for key, version in sorted(versions):
        ensure_meant_version(actor=actor, container=nodes[key], version=version)
    join_versions(actor=actor, versions=[(nodes[key], version) for key, version in versions])
    state_names(actor, statements, nodes)
    _link_jobs(events, nodes)
    _keep_facets(nodes, mentions)


def dataset_nodes(keys: Iterable[str]) -> dict[str, Node]:
    """Return the nodes of datasets by their keys. Missing nodes are created."""
    ordered = sorted(set(keys))
    if not ordered:
        return {}
    return dict(zip(ordered, ensure_nodes(*(dataset_of(*json.loads(key)) for key in ordered)), strict=True))


def jobs_named(names: Iterable[JobName]) -> dict[JobName, Job]:
    """Return jobs by their names. Missing jobs are created."""
    job_names = sorted(set(names))
    jobs = _jobs(job_names)
    missing = [name for name in job_names if name not in jobs]
    if missing:
        Job.objects.bulk_create(
            [Job(namespace=namespace, name=name) for namespace, name in missing], ignore_conflicts=True
        )
        jobs |= _jobs(missing)
    return jobs


def _jobs(job_names: Sequence[JobName]) -> dict[JobName, Job]:
    rows: list[Job] = []
    for start in range(0, len(job_names), _AT_ONCE):
        names = {name for _, name in job_names[start : start + _AT_ONCE]}
        rows += Job.objects.filter(name__in=names)
    return {(row.namespace, row.name): row for row in rows if (row.namespace, row.name) in set(job_names)}


def _keep_facets(
    nodes: Mapping[str, Node], mentions: Mapping[str, Sequence[tuple[NamedDataset, LineageEvent]]]
) -> None:
    """Merge the facets of datasets. The rows are locked until commit, in the order of their keys."""
    by_node: dict[int, list[tuple[NamedDataset, LineageEvent]]] = {}
    for key in mentions:
        by_node.setdefault(nodes[key].pk, []).extend(mentions[key])
    existing = set(DatasetFacts.objects.filter(node__in=by_node).values_list("node_id", flat=True))
    DatasetFacts.objects.bulk_create(
        [
            DatasetFacts(node_id=pk, namespace=by_node[pk][0][0].namespace, name=by_node[pk][0][0].name)
            for pk in sorted(by_node.keys() - existing)
        ],
        ignore_conflicts=True,
    )
    changing = [pk for pk, pairs in by_node.items() if any(dataset.facets for dataset, _ in pairs)]
    rows = list(DatasetFacts.objects.select_for_update().filter(node__in=changing).order_by("pk"))
    changed = []
    for row in rows:
        merged = json.dumps(merged_dataset(json.loads(row.merged), by_node[row.node_id]), sort_keys=True)
        if merged != row.merged:
            row.merged = long_text(merged)
            changed.append(row)
    DatasetFacts.objects.bulk_create(
        changed, update_conflicts=True, unique_fields=["node"], update_fields=["merged"], batch_size=_AT_ONCE
    )


def _link_jobs(events: Sequence[LineageEvent], nodes: Mapping[str, Node]) -> None:
    links: set[tuple[JobName, int, str]] = set()
    for event in events:
        if event.job:
            links |= {(event.job, nodes[dataset.key].pk, "in") for dataset in event.inputs}
            links |= {(event.job, nodes[dataset.key].pk, "out") for dataset in event.outputs}
    jobs = jobs_named(name for name, _, _ in links)
    rows = {(jobs[name].pk, pk, direction) for name, pk, direction in links}
    existing = JobDataset.objects.filter(job__in={job for job, _, _ in rows}, dataset__in={pk for _, pk, _ in rows})
    rows -= set(existing.values_list("job_id", "dataset_id", "direction"))
    JobDataset.objects.bulk_create(
        [JobDataset(job_id=job, dataset_id=pk, direction=direction) for job, pk, direction in sorted(rows)],
        ignore_conflicts=True,
    )
