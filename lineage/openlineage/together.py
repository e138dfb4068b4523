"""Many runs of a batch at once: each step is a few statements for all of them, where a single run takes a hundred.

This module handles runs whose events only add: datasets that are read and written, a commit, a parent. A run whose
events retract or rename something, or need a right, is left to `inbox`, which handles one run at a time.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.utils import timezone

from audit.evidence import Evidence, node_subject, note_writers
from core.actors import Actor
from core.bulk import BulkInsert, among
from core.refs import run_ref
from lineage.identity.inheritance import settle_families
from lineage.identity.locks import lock_contents
from lineage.identity.moves import Key, add_witnesses, edge_ids, put_edges
from lineage.identity.nodes import ensure_nodes, run_spec
from lineage.identity.same_datasets import join_versions
from lineage.identity.settle import settle_commits
from lineage.identity.versions import named_by_digest
from lineage.models import Assertion, Claim, Edge, EdgeAssertion, JobRun, Node, NodeKind, Relation
from lineage.openlineage.batch_runs import BatchRun, UsedVersions
from lineage.openlineage.dataset_names import unknown_version
from lineage.openlineage.datasets import dataset_nodes, jobs_named
from lineage.openlineage.events import LineageEvent
from lineage.openlineage.graph import ORIGIN, Use, shape_of, source_of
from lineage.openlineage.merge import merged_run

_SHORT_COMMIT = 7
_ADD_RUNS = BulkInsert(JobRun, conflict="ON CONFLICT (node_id) DO NOTHING", returning=("node_id",))
_UPDATE_RUNS = BulkInsert(
    JobRun,
    conflict="ON CONFLICT (node_id) DO UPDATE SET merged = excluded.merged, shape = excluded.shape, "
    "job_id = excluded.job_id",
)
_ADD_ASSERTIONS = BulkInsert(Assertion, returning=("id", "source"))
_ADD_CLAIMS = BulkInsert(Claim, conflict="ON CONFLICT DO NOTHING")
Groups = Mapping[str, Sequence[LineageEvent]]  # events by the URN of the run that they are about


def settle_together(*, actor: Actor, groups: Groups) -> set[str]:
    """Merge the events of runs and derive their edges; return the URNs of the runs that this could be done for.

    Joins the caller's transaction.
    """
    runs = _read(actor, groups)
    versions = _versions_of(run for run in runs if run.is_changed)
    excluded = _not_additive([run for run in runs if run.is_changed], versions)
    runs = [run for run in runs if run.urn not in excluded]
    changed = [run for run in runs if run.is_changed]
    jobs = jobs_named(run.job for run in runs if run.job)
    for run in runs:
        run.job_id = jobs[run.job].pk if run.job else None
    specs = [run_spec(run.run_id, run.job[1] if run.job else "") for run in runs]
    nodes = {node.urn: node for node in ensure_nodes(*specs)} if specs else {}
    if not _add_rows(actor, runs, nodes):
        return set()
    missing = {spec.urn: spec for run in changed for spec in map(versions.spec, run.uses)}
    versions.nodes |= {node.urn: node for node in ensure_nodes(*missing.values())} if missing else {}
    _write(actor, changed, nodes, versions)
    _nest(changed, nodes)
    settle_families(actor=actor, runs={nodes[run.urn].pk for run in changed})
    _update_rows(runs, nodes)
    subjects = [node_subject(nodes[run.urn].pk) for run in changed]
    note_writers(actor=actor, subjects=subjects, kind=Evidence.EDGE_DECLARED, detail="an OpenLineage event")
    return {run.urn for run in runs}


def _read(actor: Actor, groups: Groups) -> list[BatchRun]:
    """Return the runs that can be handled here as far as their events show, with their new state; rows are locked."""
    ids = {urn: events[0].run_id for urn, events in groups.items()}
    job_runs = JobRun.objects.select_for_update(of=("self",)).select_related("node", "job").order_by("pk")
    rows = {row.node.urn: row for row in job_runs.filter(node__urn__in=among(list(ids)))}
    tracked = _tracked(ids.values())
    runs = []
    for urn, events in sorted(groups.items()):
        row = rows.get(urn)
        is_others_run = row is not None and row.actor_ref != actor.ref and not actor.is_superuser
        if is_others_run or ids[urn] in tracked or (row is not None and row.pairs):
            continue
        state = merged_run(json.loads(row.merged) if row else {}, events)
        run = BatchRun(ids[urn], urn, row, state, shape_of(actor, state, ids[urn], tracked=False))
        if run.shape.pairs is None and not any(use.is_model for use in run.uses):
            runs.append(run)
    parents = _tracked(run.shape.parent for run in runs)
    return [run for run in runs if run.shape.parent not in parents]


def _tracked(run_ids: Iterable[str]) -> set[str]:
    """Return those of the ids that are also ids of runs of the tracking API."""
    by_urn = {run_ref(run_id.replace("-", "")): run_id for run_id in run_ids if run_id}
    return {by_urn[urn] for urn in Node.objects.filter(urn__in=among(list(by_urn))).values_list("urn", flat=True)}


def _versions_of(runs: Iterable[BatchRun]) -> UsedVersions:
    """Return the datasets that runs use, and the existing nodes of the used versions and of the runs' unnamed ones."""
    uses = [(run, use) for run in runs for use in run.uses]
    versions = UsedVersions(dataset_nodes(use.key for _, use in uses), {})
    urns = {versions.spec(use).urn for _, use in uses} | {
        versions.urn(use.key, unknown_version(run.run_id, written=written))
        for run, use in uses
        for written in (False, True)
    }
    versions.nodes = {node.urn: node for node in Node.objects.filter(urn__in=among(sorted(urns)))}
    return versions


def _not_additive(runs: Sequence[BatchRun], versions: UsedVersions) -> set[str]:
    """Return the URNs of the runs that do not only add: they retract an earlier claim, edge or parent, or rename."""
    digests = named_by_digest((versions.datasets[use.key].pk, use.version) for run in runs for use in run.uses)
    excluded = {run.urn for run in runs if any(_is_renamed(run, use, versions, digests) for use in run.uses)}
    claimed_by_run = {run.urn: _claimed(run, versions) for run in runs}
    written = {run.urn: {versions.spec(use).urn for use in run.shape.outputs} for run in runs}
    parents = {run.urn: run_ref(run.shape.parent) if run.shape.parent else None for run in runs}
    urns = among(sorted(claimed_by_run))
    existing = Claim.objects.filter(run__urn__in=urns, origin=ORIGIN)
    for urn, *claim in existing.values_list("run__urn", "rel", "container__urn", "version"):
        if tuple(claim) not in claimed_by_run[urn]:
            excluded.add(urn)
    produced = Edge.objects.filter(src__urn__in=urns, rel=Relation.PRODUCED, dst__kind=NodeKind.DATASET_VERSION)
    excluded |= {src for src, dst in produced.values_list("src__urn", "dst__urn") if dst not in written[src]}
    nested = Node.objects.filter(urn__in=urns, container__isnull=False).values_list("urn", "container__urn")
    return excluded | {urn for urn, parent in nested if parent != parents[urn]}


def _is_renamed(run: BatchRun, use: Use, versions: UsedVersions, digests: set[tuple[int, str]]) -> bool:
    """Return whether a used version is an alias, is named by its digest, or replaces an unnamed version of the run."""
    if (versions.datasets[use.key].pk, use.version) in digests:
        return True
    node = versions.nodes.get(versions.spec(use).urn)
    if node is not None and node.alias_of_id is not None:
        return True
    unnamed = {unknown_version(run.run_id, written=written) for written in (False, True)} - {use.version}
    return any(versions.urn(use.key, version) in versions.nodes for version in unnamed)


def _claimed(run: BatchRun, versions: UsedVersions) -> set[tuple[int, str, str]]:
    """Return the claims of the run: relation, dataset or repository, and version."""
    consumed = Relation.CONSUMED.value
    claims = {(consumed, versions.datasets[use.key].urn, use.version) for use in run.shape.inputs}
    commit = run.shape.code[1]
    return claims | ({(Relation.USED_CODE.value, run.repository.urn, commit)} if commit else set())


def _add_rows(actor: Actor, runs: Sequence[BatchRun], nodes: Mapping[str, Node]) -> bool:
    """Insert the rows of runs that have none; return False where another transaction inserted one meanwhile."""
    new = [run for run in runs if run.row is None]
    sender = {"sent_by": actor.name, "actor_ref": actor.ref[:100]}
    return len(_ADD_RUNS.run([_row(run, nodes) | sender for run in new])) == len(new)


def _update_rows(runs: Sequence[BatchRun], nodes: Mapping[str, Node]) -> None:
    """Store the merged state and the shape of runs that had a row, which is locked."""
    _UPDATE_RUNS.run(
        [
            _row(run, nodes) | {"sent_by": run.row.sent_by, "actor_ref": run.row.actor_ref}
            for run in runs
            if run.row is not None
        ]
    )


def _row(run: BatchRun, nodes: Mapping[str, Node]) -> dict[str, Any]:
    return {
        "node_id": nodes[run.urn].pk,
        "merged": json.dumps(run.state, sort_keys=True),
        "shape": run.shape_digest,
        "job_id": run.job_id,
    }


def _write(actor: Actor, runs: Sequence[BatchRun], nodes: Mapping[str, Node], versions: UsedVersions) -> None:
    """Insert the claims and edges of runs, with one witness for each run; then settle the commits of repositories."""
    if not runs:
        return
    urns = {source_of(run.run_id)[:700]: run.urn for run in runs}
    witness = {"mode": "observed", "actor_ref": actor.ref[:100]}
    added = _ADD_ASSERTIONS.run([{"source": source} | witness for source in urns])
    assertions = {urns[source]: pk for pk, source in added}
    repositories = _lock_commits(runs)
    _ADD_CLAIMS.run(
        [
            {"run_id": nodes[run.urn].pk, "origin": ORIGIN, "assertion_id": assertions[run.urn], **claim}
            for run in runs
            for claim in _claims(run, versions, repositories)
        ]
    )
    _put({key: (run, assertions[run.urn]) for run in runs for key in _edges(run, nodes[run.urn], versions)})
    join_versions(actor=actor, versions=[(versions.datasets[use.key], use.version) for run in runs for use in run.uses])
    commits: dict[str, set[str]] = defaultdict(set)
    for run in (run for run in runs if run.shape.code[1]):
        commits[run.repository.urn].add(run.shape.code[1])
    for urn in sorted(commits):
        settle_commits(actor=actor, container=repositories[urn], commits=commits[urn])


def _claims(run: BatchRun, versions: UsedVersions, repositories: Mapping[str, Node]) -> Iterator[dict[str, Any]]:
    """Yield the columns in which the claims of a run differ. The claim of a commit gets its node later."""
    for use in run.shape.inputs:
        dataset, version = versions.datasets[use.key].pk, versions.node(use).pk
        yield {"container_id": dataset, "rel": Relation.CONSUMED.value, "version": use.version, "node_id": version}
    if run.shape.code[1]:
        repository = repositories[run.repository.urn].pk
        yield {"container_id": repository, "rel": Relation.USED_CODE.value, "version": run.shape.code[1]}


def _edges(run: BatchRun, node: Node, versions: UsedVersions) -> Iterator[Key]:
    for use in run.shape.inputs:
        yield versions.node(use).pk, node.pk, Relation.CONSUMED.value, ""
    for use in run.shape.outputs:
        yield node.pk, versions.node(use).pk, Relation.PRODUCED.value, ""


def _lock_commits(runs: Sequence[BatchRun]) -> dict[str, Node]:
    """Return the repositories of the runs' commits by URN; their commits are locked until commit."""
    specs = {run.repository.urn: run.repository for run in runs if run.shape.code[1]}
    repositories = {urn: ensure_nodes(spec)[0] for urn, spec in sorted(specs.items())}
    for urn, node in repositories.items():
        commits = {run.shape.code[1][:_SHORT_COMMIT] for run in runs if run.repository.urn == urn}
        lock_contents([node], commits)
    return repositories


def _put(witnesses: Mapping[Key, tuple[BatchRun, int]]) -> None:
    """Insert missing edges, and for each edge the witness of its run where that is missing."""
    new = put_edges(dict.fromkeys(witnesses, timezone.now()))
    existing = edge_ids([key for key in witnesses if key not in new])
    witnessed = EdgeAssertion.objects.filter(edge_id__in=existing.values()).values_list("edge_id", "assertion__source")
    sources = set(witnessed) if existing else set()
    lacking = {
        key: pk for key, pk in existing.items() if (pk, source_of(witnesses[key][0].run_id)[:700]) not in sources
    }
    add_witnesses((pk, witnesses[key][1]) for key, pk in (new | lacking).items())


def _nest(runs: Sequence[BatchRun], nodes: Mapping[str, Node]) -> None:
    """Set the parents of runs that have none yet."""
    children: dict[str, list[int]] = defaultdict(list)
    for run in runs:
        if run.shape.parent and nodes[run.urn].container_id is None:
            children[run.shape.parent].append(nodes[run.urn].pk)
    if children:
        ordered = sorted(children)
        for parent_id, parent in zip(ordered, ensure_nodes(*map(run_spec, ordered)), strict=True):
            Node.objects.filter(pk__in=children[parent_id]).exclude(pk=parent.pk).update(container=parent)
