"""Many runs of a batch at once: each step is a few statements for all of them, where one run by itself takes a hundred.

Taken are runs of which the events only add: datasets that are read and written, a commit, a parent. What takes
something back, renames it, or needs a right is left to `inbox`, which takes one run at a time.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from audit.evidence import Evidence, node_subject, note_writers
from core.actors import Actor
from core.columns import long_text
from core.refs import run_ref
from lineage.identity.inheritance import settle_families
from lineage.identity.locks import lock_contents
from lineage.identity.moves import Key, edge_ids, put_edges
from lineage.identity.nodes import Spec, member_spec, place, run_spec
from lineage.identity.settle import settle_commits
from lineage.models import Assertion, Claim, Edge, EdgeAssertion, JobRun, Node, NodeKind, Relation
from lineage.openlineage.dataset_names import unknown_version
from lineage.openlineage.datasets import dataset_nodes, jobs_named
from lineage.openlineage.events import LineageEvent
from lineage.openlineage.graph import ORIGIN, Shape, Use, repository_of, shape_of, source_of
from lineage.openlineage.merge import State, merged_run

_SHORT_COMMIT = 7
_AT_ONCE = 500
Groups = Mapping[str, Sequence[LineageEvent]]
"""Events by the URN of the run that they are about."""


@dataclass(slots=True)
class _Run:
    """A run of the batch: its row as it was, and what follows from it with the new events."""

    run_id: str
    urn: str
    row: JobRun | None
    state: State
    shape: Shape

    @property
    def is_changed(self) -> bool:
        """Return whether other edges follow than before."""
        return self.row is None or self.row.shape != self.shape.digest

    @property
    def uses(self) -> tuple[Use, ...]:
        """Return the inputs and outputs of the run."""
        return (*self.shape.inputs, *self.shape.outputs)

    @property
    def job(self) -> tuple[str, str] | None:
        """Return the namespace and name of the job."""
        jobs = self.state["jobs"]
        return (jobs[0][0], jobs[0][1]) if jobs else None

    @property
    def repository(self) -> Spec:
        """Return the repository of the commit."""
        return repository_of(self.shape, "/".join(self.job) if self.job else self.run_id)


@dataclass(slots=True)
class _Versions:
    """The datasets that runs use, by their keys, and the nodes of their versions, by URN."""

    datasets: Mapping[str, Node]
    nodes: dict[str, Node]

    def spec(self, use: Use) -> Spec:
        """Return the version that is used."""
        return member_spec(self.datasets[use.key], use.version)

    def node(self, use: Use) -> Node:
        """Return the node of the version that is used."""
        return self.nodes[self.spec(use).urn]


def settle_together(*, actor: Actor, groups: Groups) -> set[str]:
    """Merge the events of runs and derive their edges; return those that were taken. Joins the caller's transaction."""
    runs = _read(actor, groups)
    versions = _versions_of(run for run in runs if run.is_changed)
    left = _left_alone([run for run in runs if run.is_changed], versions)
    runs = [run for run in runs if run.urn not in left]
    changed = [run for run in runs if run.is_changed]
    specs = [run_spec(run.run_id, run.job[1] if run.job else "") for run in runs]
    nodes = {node.urn: node for node in place(*specs)} if specs else {}
    rows = _rows(actor, runs, nodes)
    if rows is None:
        return set()
    missing = {spec.urn: spec for run in changed for spec in map(versions.spec, run.uses)}
    versions.nodes |= {node.urn: node for node in place(*missing.values())} if missing else {}
    _write(actor, changed, nodes, versions)
    _nest(actor, changed, nodes)
    _keep(runs, rows, nodes)
    subjects = [node_subject(nodes[run.urn].pk) for run in changed]
    note_writers(actor=actor, subjects=subjects, kind=Evidence.EDGE_DECLARED, detail="an OpenLineage event")
    return {run.urn for run in runs}


def _read(actor: Actor, groups: Groups) -> list[_Run]:
    """Return the runs that can be taken by what their events say, with the state that follows; rows are locked."""
    ids = {urn: events[0].run_id for urn, events in groups.items()}
    job_runs = JobRun.objects.select_for_update(of=("self",)).select_related("node", "job").order_by("pk")
    rows = {row.node.urn: row for row in job_runs.filter(node__urn__in=ids)}
    tracked = _tracked(ids.values())
    runs = []
    for urn, events in sorted(groups.items()):
        row = rows.get(urn)
        is_anothers = row is not None and row.actor_ref != actor.ref and not actor.is_superuser
        if is_anothers or ids[urn] in tracked or (row is not None and row.pairs):
            continue
        state = merged_run(json.loads(row.merged) if row else {}, events)
        run = _Run(ids[urn], urn, row, state, shape_of(actor, state, ids[urn], tracked=False))
        if run.shape.pairs is None and not any(use.is_model for use in run.uses):
            runs.append(run)
    parents = _tracked(run.shape.parent for run in runs)
    return [run for run in runs if run.shape.parent not in parents]


def _tracked(run_ids: Iterable[str]) -> set[str]:
    """Return those of the runs that are tracked under the same id."""
    by_urn = {run_ref(run_id.replace("-", "")): run_id for run_id in run_ids if run_id}
    return {by_urn[urn] for urn in Node.objects.filter(urn__in=by_urn).values_list("urn", flat=True)}


def _versions_of(runs: Iterable[_Run]) -> _Versions:
    """Return the datasets that runs use, and those versions that exist: used ones, and those that nobody had named."""
    uses = [(run, use) for run in runs for use in run.uses]
    versions = _Versions(dataset_nodes(use.key for _, use in uses), {})
    urns = {versions.spec(use).urn for _, use in uses} | {
        member_spec(versions.datasets[use.key], unknown_version(run.run_id, written=written)).urn
        for run, use in uses
        for written in (False, True)
    }
    versions.nodes = {node.urn: node for node in Node.objects.filter(urn__in=urns)}
    return versions


def _left_alone(runs: Sequence[_Run], versions: _Versions) -> set[str]:
    """Return the runs that do not only add: what they said before is taken back, or a version is renamed."""
    left = {run.urn for run in runs if any(_is_renamed(run, use, versions) for use in run.uses)}
    claimed_by_run = {run.urn: _claimed(run, versions) for run in runs}
    written = {run.urn: {versions.spec(use).urn for use in run.shape.outputs} for run in runs}
    parents = {run.urn: run_ref(run.shape.parent) if run.shape.parent else None for run in runs}
    held = Claim.objects.filter(run__urn__in=claimed_by_run, origin=ORIGIN)
    for urn, *claim in held.values_list("run__urn", "rel", "container__urn", "version"):
        if tuple(claim) not in claimed_by_run[urn]:
            left.add(urn)
    produced = Edge.objects.filter(
        src__urn__in=claimed_by_run, rel=Relation.PRODUCED, dst__kind=NodeKind.DATASET_VERSION
    )
    left |= {src for src, dst in produced.values_list("src__urn", "dst__urn") if dst not in written[src]}
    nested = Node.objects.filter(urn__in=claimed_by_run, container__isnull=False).values_list("urn", "container__urn")
    return left | {urn for urn, parent in nested if parent != parents[urn]}


def _is_renamed(run: _Run, use: Use, versions: _Versions) -> bool:
    """Return whether a used version is another name of one, or takes the place of one that nobody had named."""
    node = versions.nodes.get(versions.spec(use).urn)
    if node is not None and node.alias_of_id is not None:
        return True
    unnamed = {unknown_version(run.run_id, written=written) for written in (False, True)} - {use.version}
    return any(member_spec(versions.datasets[use.key], version).urn in versions.nodes for version in unnamed)


def _claimed(run: _Run, versions: _Versions) -> set[tuple[int, str, str]]:
    """Return the claims of the run: relation, dataset or repository, and version."""
    consumed = Relation.CONSUMED.value
    claims = {(consumed, versions.datasets[use.key].urn, use.version) for use in run.shape.inputs}
    commit = run.shape.code[1]
    return claims | ({(Relation.USED_CODE.value, run.repository.urn, commit)} if commit else set())


def _rows(actor: Actor, runs: Sequence[_Run], nodes: Mapping[str, Node]) -> dict[str, JobRun] | None:
    """Return the locked rows of runs by URN, new ones made; None where another transaction made one meanwhile."""
    new = [run for run in runs if run.row is None]
    new_rows = [JobRun(node=nodes[run.urn], sent_by=actor.name, actor_ref=actor.ref[:100]) for run in new]
    JobRun.objects.bulk_create(new_rows, ignore_conflicts=True)
    job_runs = JobRun.objects.select_for_update(of=("self",)).select_related("node").order_by("pk")
    added = {row.node.urn: row for row in job_runs.filter(node__urn__in=[run.urn for run in new])}
    if any(row.merged != "{}" or row.actor_ref != actor.ref[:100] for row in added.values()):
        return None
    return added | {run.urn: run.row for run in runs if run.row is not None}


def _write(actor: Actor, runs: Sequence[_Run], nodes: Mapping[str, Node], versions: _Versions) -> None:
    """Insert claims, edges and their one witness for each run, then the commits of each repository."""
    if not runs:
        return
    sources = {run.urn: source_of(run.run_id)[:700] for run in runs}
    assertions = {
        urn: Assertion(mode="observed", source=source, actor_ref=actor.ref[:100]) for urn, source in sources.items()
    }
    Assertion.objects.bulk_create(list(assertions.values()))
    repositories = _lock_commits(runs)
    claims = [
        Claim(run=nodes[run.urn], origin=ORIGIN, assertion=assertions[run.urn], **claim)
        for run in runs
        for claim in _claims(run, versions, repositories)
    ]
    Claim.objects.bulk_create(claims, ignore_conflicts=True)
    _put({key: assertions[run.urn] for run in runs for key in _edges(run, nodes[run.urn], versions)})
    commits: dict[str, set[str]] = defaultdict(set)
    for run in runs:
        if run.shape.code[1]:
            commits[run.repository.urn].add(run.shape.code[1])
    for urn in sorted(commits):
        settle_commits(actor=actor, container=repositories[urn], commits=commits[urn])


def _claims(run: _Run, versions: _Versions, repositories: Mapping[str, Node]) -> Iterator[dict[str, Any]]:
    """Yield the differences between the claims of a run. Commits are resolved afterwards."""
    for use in run.shape.inputs:
        container = versions.datasets[use.key]
        yield {"container": container, "rel": Relation.CONSUMED, "version": use.version, "node": versions.node(use)}
    if run.shape.code[1]:
        repository = repositories[run.repository.urn]
        yield {"container": repository, "rel": Relation.USED_CODE, "version": run.shape.code[1]}


def _edges(run: _Run, node: Node, versions: _Versions) -> Iterator[Key]:
    for use in run.shape.inputs:
        yield versions.node(use).pk, node.pk, Relation.CONSUMED.value, ""
    for use in run.shape.outputs:
        yield node.pk, versions.node(use).pk, Relation.PRODUCED.value, ""


def _lock_commits(runs: Sequence[_Run]) -> dict[str, Node]:
    """Return the repositories of commits by URN; what may be identified anew is locked until commit."""
    specs = {run.repository.urn: run.repository for run in runs if run.shape.code[1]}
    repositories = {urn: place(spec)[0] for urn, spec in sorted(specs.items())}
    for urn, node in repositories.items():
        commits = {run.shape.code[1][:_SHORT_COMMIT] for run in runs if run.repository.urn == urn}
        lock_contents([node], commits)
    return repositories


def _put(witnesses: Mapping[Key, Assertion]) -> None:
    """Insert those of the edges that are not there, with their witnesses."""
    held = edge_ids(list(witnesses))
    new = [key for key in witnesses if key not in held]
    put_edges(dict.fromkeys(new, timezone.now()))
    ids = edge_ids(new)
    rows = [EdgeAssertion(edge_id=ids[key], assertion=witnesses[key]) for key in new]
    EdgeAssertion.objects.bulk_create(rows, ignore_conflicts=True, batch_size=_AT_ONCE)


def _nest(actor: Actor, runs: Sequence[_Run], nodes: Mapping[str, Node]) -> None:
    """Put runs below their parents, and pass on what relatives read."""
    children: dict[str, list[int]] = defaultdict(list)
    for run in runs:
        if run.shape.parent and nodes[run.urn].container_id is None:
            children[run.shape.parent].append(nodes[run.urn].pk)
    if children:
        ordered = sorted(children)
        for parent_id, parent in zip(ordered, place(*map(run_spec, ordered)), strict=True):
            Node.objects.filter(pk__in=children[parent_id]).exclude(pk=parent.pk).update(container=parent)
    settle_families(actor=actor, runs={nodes[run.urn].pk for run in runs})


def _keep(runs: Sequence[_Run], rows: Mapping[str, JobRun], nodes: Mapping[str, Node]) -> None:
    """Keep the merged states and what the edges were derived from."""
    jobs = jobs_named(run.job for run in runs if run.job)
    stored = []
    for run in runs:
        row = rows[run.urn]
        row.merged = long_text(json.dumps(run.state, sort_keys=True))
        row.shape = run.shape.digest
        row.job = jobs[run.job] if run.job else None
        row.node = nodes[run.urn]
        stored.append(row)
    JobRun.objects.bulk_create(
        stored, update_conflicts=True, unique_fields=["node"], update_fields=["merged", "shape", "job"]
    )
