"""The methods that need the graph alone: equal addresses, the previous run of a job, names that look alike."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from core.times import iso_utc
from lineage.identity.names import WRITTEN_BY, is_full_digest
from lineage.models import DatasetName, Edge, Node, NodeKind, Relation
from lineage.suggestions.jobs import consecutive_runs
from lineage.suggestions.methods import Method, Suggestion
from lineage.suggestions.versions import (
    MOST_VERSIONS,
    candidates,
    event_times,
    is_unnamed,
    last_before,
    named_inputs,
    newest_versions,
)

# How many suggestions one method makes for one node.
MOST_FOR_A_NODE = 20


def same_addresses(nodes: Sequence[Node]) -> list[Suggestion]:
    """Return pairs of versions with the same name whose datasets have one address in two spellings."""
    versions = [node for node in nodes if node.kind == NodeKind.DATASET_VERSION and not _is_unknown(node)]
    address_of = _keys("address", {node.container_id for node in versions})
    spellings = _datasets("address", set(address_of.values()))
    others = {other for key in address_of.values() for other in spellings[key]} - {None}
    rows = Node.objects.filter(
        container__in=others, version__in={node.version for node in versions}, alias_of__isnull=True
    )
    by_place: dict[tuple[int, str], Node] = {
        (row.container_id or 0, row.version): row for row in rows.order_by("-pk")[:MOST_VERSIONS]
    }
    suggestions = []
    for node in versions:
        key = address_of.get(node.container_id or 0, "")
        pairs = [by_place.get((other, node.version)) for other in spellings.get(key, []) if other != node.container_id]
        for other in [pair for pair in pairs if pair and not _differ(node, pair)][:MOST_FOR_A_NODE]:
            src, dst = sorted((node, other), key=lambda version: version.pk)
            evidence = f"{src.name} and {dst.name} are one address, and both versions are called {node.version}."
            suggestions.append(Suggestion(src, dst, Relation.SAME_BYTES, Method.SAME_ADDRESS, evidence))
    return suggestions


def previous_runs(nodes: Sequence[Node]) -> list[Suggestion]:
    """Return, for each run of a job, the data that the run before it read and that it did not name."""
    runs = {node.pk: node for node in nodes if node.kind == NodeKind.RUN}
    before = {later: earlier for earlier, later in consecutive_runs(runs) if later in runs}
    if not before:
        return []
    datasets = _datasets_read({*before, *before.values()})
    absent = {run: datasets[earlier] - datasets[run] for run, earlier in before.items()}
    newest = newest_versions(container for containers in absent.values() for container in containers)
    by_container = candidates([node for node in newest if not is_unnamed(node)])
    began = event_times((runs[run].urn for run in before), last=False)
    suggestions = []
    for pk, containers in absent.items():
        run = runs[pk]
        at = began.get(run.urn, run.recorded_at)
        for container in sorted(containers)[:MOST_FOR_A_NODE]:
            last = last_before(by_container.get(container, ()), run, at)
            if last:
                evidence = (
                    f"The run before this one of the same job read {last.node.name}. "
                    f"This was its last version when the run began at {iso_utc(at)}."
                )
                suggestions.append(Suggestion(last.node, run, Relation.CONSUMED, Method.PREVIOUS_RUN, evidence))
    return suggestions


def similar_names(nodes: Sequence[Node]) -> list[Suggestion]:
    """Return, for each run that read a dataset without versions, the last version of a dataset with a similar name."""
    runs = {node.pk: node for node in nodes if node.kind == NodeKind.RUN}
    reads = Edge.objects.select_related("src").filter(dst__in=runs, rel=Relation.CONSUMED).order_by("-pk")
    unnamed = [(edge.dst_id, edge.src) for edge in reads[:MOST_VERSIONS] if is_unnamed(edge.src)]
    plain_of = _keys("plain", {read.container_id for _, read in unnamed})
    alike = _datasets("plain", set(plain_of.values()))
    versions = [node for node in newest_versions(pk for key in alike for pk in alike[key]) if not is_unnamed(node)]
    by_container = candidates(versions)
    began = event_times((runs[run].urn for run, _ in unnamed), last=False)
    named = named_inputs(run for run, _ in unnamed)
    suggestions = []
    for pk, read in unnamed:
        run, own = runs[pk], read.container_id or 0
        at = began.get(run.urn, run.recorded_at)
        others = [other for other in alike.get(plain_of.get(own, ""), []) if other != own]
        if (pk, own) in named or last_before(by_container.get(own, ()), run, at):
            continue
        for other in others[:MOST_FOR_A_NODE]:
            last = last_before(by_container.get(other, ()), run, at)
            if last and (pk, other) not in named:
                evidence = (
                    f"The run read {read.name} without a version, and no version of it is recorded. "
                    f"The name is like {last.node.name}. The names alone say so."
                )
                suggestions.append(Suggestion(last.node, run, Relation.CONSUMED, Method.SIMILAR_NAME, evidence))
    return suggestions


def _is_unknown(node: Node) -> bool:
    return is_unnamed(node) or node.version.startswith(WRITTEN_BY)


def _differ(node: Node, other: Node) -> bool:
    """Return whether two full digests say that the bytes differ; equal ones join the versions without a suggestion."""
    return is_full_digest(node.digest) and is_full_digest(other.digest)


def _keys(field: str, containers: Iterable[int | None]) -> dict[int, str]:
    """Return the keys of datasets by their ids, without empty keys."""
    rows = DatasetName.objects.filter(node__in=set(containers) - {None}).exclude(**{field: ""})
    return dict(rows.values_list("node_id", field))


def _datasets(field: str, keys: set[str]) -> dict[str, list[int]]:
    """Return the ids of the datasets with each key, the oldest first."""
    by_key: dict[str, list[int]] = defaultdict(list)
    rows = DatasetName.objects.filter(**{f"{field}__in": keys}).order_by("node_id").values_list(field, "node_id")
    for key, node_id in rows[:MOST_VERSIONS]:
        by_key[key].append(node_id)
    return by_key


def _datasets_read(runs: set[int]) -> dict[int, set[int]]:
    """Return the datasets that each run read, in any version."""
    by_run: dict[int, set[int]] = {run: set() for run in runs}
    rows = Edge.objects.filter(dst__in=runs, rel=Relation.CONSUMED, src__kind=NodeKind.DATASET_VERSION)
    for run, container in rows.values_list("dst_id", "src__container_id"):
        by_run[run].add(container or 0)
    return by_run
