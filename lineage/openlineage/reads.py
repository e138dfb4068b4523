"""Reads in the shape of Marquez's API: the graph around a job or dataset, and the events as they were received."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import Group
from django.db.models import Q, QuerySet

from core.actors import Actor
from core.errors import InvalidInput, NotFound
from core.times import iso_utc
from lineage.models import DatasetFacts, Job, JobDataset, JobRun, LineageEvent, Node
from lineage.openlineage.jobs import visible_runs_of
from lineage.openlineage.merge import facets_of, run_state
from lineage.visibility import hidden_nodes, known_nodes

MAX_DEPTH = 100
_MOST_NODES = 2000
# The group that may read all events. Others may not: events can hold code, queries and the environment of a process.
READERS = "operators"
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Edge:
    origin: str
    destination: str


def graph_around(actor: Actor, node_id: str, depth: int) -> list[Json]:
    """Return the jobs and datasets up to ``depth`` steps around a job or dataset, in both directions.

    Raises NotFound. Raises InvalidInput: the id begins with neither `job:` nor `dataset:`.
    """
    kind, _, name = node_id.partition(":")
    if kind not in ("job", "dataset"):
        raise InvalidInput(
            f"{node_id[:200]!r} is no nodeId: write job:<namespace>:<name> or dataset:<namespace>:<name>."
        )
    start = _by_name(kind, name.partition("#")[0])
    if start is None or not _is_visible(actor, start):
        raise NotFound(f"There is no {node_id[:200]!r}.")
    jobs, datasets = _reached(actor, start, depth)
    facts = {row.node_id: row for row in DatasetFacts.objects.filter(node_id__in=datasets).select_related("node")}
    rows = {row.pk: row for row in Job.objects.filter(pk__in=jobs)}
    links = JobDataset.objects.filter(job__in=rows, dataset__in=facts).order_by("job_id", "dataset_id")
    return _graph(rows, facts, links, _latest_runs(jobs))


def _is_visible(actor: Actor, start: Job | DatasetFacts) -> bool:
    if isinstance(start, DatasetFacts):
        return not hidden_nodes(actor, [start.node])
    return start.pk in visible_runs_of(actor, [start.pk])


def _by_name(kind: str, job_name: str) -> Job | DatasetFacts | None:
    """Return the job or dataset with the name `namespace:name`. Namespaces hold colons, so 20 splits are tried."""
    cuts = [index for index, letter in enumerate(job_name) if letter == ":"]
    pairs = [(job_name[:cut], job_name[cut + 1 :]) for cut in reversed(cuts)][:20]
    condition = Q(pk__in=[])
    for namespace, name in pairs:
        condition |= Q(namespace=namespace, name=name)
    if kind == "job":
        return Job.objects.filter(condition).first()
    return DatasetFacts.objects.select_related("node").filter(condition).first()


def _reached(actor: Actor, start: Job | DatasetFacts, depth: int) -> tuple[dict[int, int | None], set[int]]:
    """Return the jobs, with their newest visible runs, and the ids of dataset nodes within ``depth`` steps.

    Steps lead over jobs and datasets that the actor may see. It is fewer where there are over 2000.
    """
    jobs = visible_runs_of(actor, [start.pk]) if isinstance(start, Job) else {}
    datasets = {start.node_id} if isinstance(start, DatasetFacts) else set()
    new_jobs, new_datasets = set(jobs), set(datasets)
    for _ in range(depth):
        near = set(JobDataset.objects.filter(job__in=new_jobs).values_list("dataset_id", flat=True))
        users = set(JobDataset.objects.filter(dataset__in=new_datasets).values_list("job_id", flat=True))
        new_datasets = {node.pk for node in known_nodes(actor, Node.objects.filter(pk__in=near - datasets))}
        visible_jobs = visible_runs_of(actor, users - jobs.keys())
        new_jobs = set(visible_jobs)
        datasets |= new_datasets
        jobs |= visible_jobs
        if not (new_jobs or new_datasets) or len(jobs) + len(datasets) > _MOST_NODES:
            break
    return jobs, datasets


def _graph(
    jobs: dict[int, Job],
    datasets: dict[int, DatasetFacts],
    links: Iterable[JobDataset],
    latest: Mapping[int, JobRun],
) -> list[Json]:
    into: dict[str, list[_Edge]] = {}
    out: dict[str, list[_Edge]] = {}
    for link in links:
        ends = job_id(jobs[link.job_id]), dataset_id(datasets[link.dataset_id])
        edge = _Edge(*(ends if link.direction == "out" else ends[::-1]))
        out.setdefault(edge.origin, []).append(edge)
        into.setdefault(edge.destination, []).append(edge)
    nodes: list[Json] = [
        {"id": job_id(row), "type": "JOB", "data": _job(row, into, out, latest)} for row in jobs.values()
    ]
    nodes += [{"id": dataset_id(row), "type": "DATASET", "data": _dataset(row)} for row in datasets.values()]
    for node in nodes:
        node["inEdges"] = _edges(into.get(str(node["id"]), []))
        node["outEdges"] = _edges(out.get(str(node["id"]), []))
    return sorted(nodes, key=lambda node: str(node["id"]))


def _edges(edges: Iterable[_Edge]) -> list[Json]:
    return [{"origin": edge.origin, "destination": edge.destination} for edge in edges]


def job_id(job: Job) -> str:
    """Return the nodeId of a job."""
    return f"job:{job.namespace}:{job.name}"


def dataset_id(row: DatasetFacts) -> str:
    """Return the nodeId of a dataset."""
    return f"dataset:{row.namespace}:{row.name}"


def _latest_runs(jobs: Mapping[int, int | None]) -> dict[int, JobRun]:
    """Return the runs of jobs, given by their ids."""
    rows = JobRun.objects.filter(pk__in=[pk for pk in jobs.values() if pk is not None]).select_related("node")
    return {row.job_id: row for row in rows if row.job_id is not None}


def _job(row: Job, into: dict[str, list[_Edge]], out: dict[str, list[_Edge]], latest: Mapping[int, JobRun]) -> Json:
    named = {"namespace": row.namespace, "name": row.name}
    run = latest.get(row.pk)
    state = json.loads(run.merged) if run else {}
    return {
        "id": named,
        "type": "BATCH",
        **named,
        "simpleName": row.name,
        "createdAt": iso_utc(row.recorded_at),
        "updatedAt": iso_utc(row.recorded_at),
        "inputs": [_parts(edge.origin) for edge in into.get(job_id(row), [])],
        "outputs": [_parts(edge.destination) for edge in out.get(job_id(row), [])],
        "latestRun": {"id": run.node.urn.partition(":")[2], "state": run_state(state)} if run else None,
        "facets": facets_of(json.loads(row.merged).get("facets", {})),
    }


def _parts(node_id: str) -> Json:
    namespace, _, name = node_id.partition(":")[2].rpartition(":")
    return {"namespace": namespace, "name": name}


def _dataset(row: DatasetFacts) -> Json:
    facets = facets_of(json.loads(row.merged).get("facets", {}))
    named = {"namespace": row.namespace, "name": row.name}
    fields = facets.get("schema", {}).get("fields")
    return {
        "id": named,
        "type": "STREAM" if row.namespace.startswith("kafka:") else "DB_TABLE",
        **named,
        "physicalName": row.name,
        "createdAt": iso_utc(row.node.recorded_at),
        "updatedAt": iso_utc(row.node.recorded_at),
        "fields": fields if isinstance(fields, list) else [],
    }


def visible_events(actor: Actor) -> QuerySet[LineageEvent]:
    """Return the events that the actor may read, newest first: their own; for superusers and operators all."""
    rows = LineageEvent.objects.order_by("-event_time", "-pk")
    is_reader = actor.user_id is not None and Group.objects.filter(name=READERS, user__pk=actor.user_id).exists()
    return rows if actor.is_superuser or is_reader else rows.filter(actor_ref=actor.ref)


def events_between(
    actor: Actor, after: datetime | None, before: datetime | None, *, ascending: bool, start: int, limit: int
) -> tuple[list[Any], int]:
    """Return one page of the events with after ≤ eventTime < before, as received, and how many such events exist."""
    rows = visible_events(actor)
    if after is not None:
        rows = rows.filter(event_time__gte=after)
    if before is not None:
        rows = rows.filter(event_time__lt=before)
    if ascending:
        rows = rows.order_by("event_time", "pk")
    return [json.loads(body) for body in rows[start : start + limit].values_list("body", flat=True)], rows.count()
