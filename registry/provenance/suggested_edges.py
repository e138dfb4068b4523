"""Suggested edges from tags of runs and sources of versions, for LINEAGE_SUGGESTERS."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from core.refs import logged_model_ref, run_ref, version_ref
from lineage.identity.names import digest_hex
from lineage.models import Edge, Node, NodeKind, Relation
from lineage.suggestions.lineage_methods import MOST_FOR_A_NODE
from lineage.suggestions.methods import Method, Suggestion
from registry.models import ModelVersion
from registry.reproduction import COMMIT, FILES, DataFile, data_files
from tracking.models import RunTag

# How many tags of runs are searched for the MD5 of a new dataset version, and how many sources of model versions for
# the id of a new run or logged model, newest first.
_MOST_TAGS = 500
_MD5 = re.compile(r"[0-9a-f]{32}")
_RUN_ID = re.compile(r"(?<![0-9A-Za-z_-])[0-9a-f]{32}(?![0-9A-Za-z_-])")
_MODEL_ID = re.compile(r"(?<![0-9A-Za-z_-])m-[0-9a-f]{32}(?![0-9A-Za-z_-])")


def dvc_files(nodes: Sequence[Node]) -> list[Suggestion]:
    """Return, for each file that a run lists as tracked by DVC, the dataset version with that MD5."""
    versions = [node for node in nodes if node.kind == NodeKind.DATASET_VERSION and _md5_of(node)]
    run_ids = [node.urn.removeprefix("run:") for node in nodes if node.kind == NodeKind.RUN]
    tags = list(RunTag.objects.filter(run__in=run_ids, key=FILES[0])) if run_ids else []
    if versions:
        tags += RunTag.objects.filter(key=FILES[0]).order_by("-pk")[:_MOST_TAGS]
    files = {tag.run_id: data_files(tag.value)[:MOST_FOR_A_NODE] for tag in tags}
    md5s = {file.md5 for listed in files.values() for file in listed}
    if not md5s:
        return []
    by_md5 = _versions_by_md5(md5s)
    runs = {row.urn: row for row in Node.objects.filter(urn__in=[run_ref(run_id) for run_id in files])}
    commits = _commits(files)
    return [
        Suggestion(version, runs[run_ref(run_id)], Relation.CONSUMED, Method.DVC_FILE, _dvc_evidence(file, commit))
        for run_id, listed in files.items()
        for commit in [commits.get(run_id, "")]
        for file in listed
        for version in by_md5.get(file.md5, [])[:MOST_FOR_A_NODE]
        if run_ref(run_id) in runs
    ]


def named_sources(nodes: Sequence[Node]) -> list[Suggestion]:
    """Return, for each version that no run produced, the runs and logged models whose ids are in its source."""
    targets = {(node.name, node.version): node for node in nodes if node.kind == NodeKind.MODEL_VERSION}
    targets |= _naming({node.urn for node in nodes if node.kind in (NodeKind.RUN, NodeKind.LOGGED_MODEL)})
    ids = [node.pk for node in targets.values()]
    origins = Edge.objects.filter(dst__in=ids, rel__in=[Relation.PRODUCED, Relation.DERIVED_FROM])
    answered = set(origins.values_list("dst_id", flat=True))
    named: dict[str, list[tuple[Node, str]]] = defaultdict(list)
    for name, version, source in _sources(targets):
        node = targets.get((name, str(version)))
        if node and node.pk not in answered:
            for urn in _named_in(source):
                named[urn].append((node, source))
    return [
        Suggestion(
            origin,
            node,
            Relation.PRODUCED if origin.kind == NodeKind.RUN else Relation.DERIVED_FROM,
            Method.NAMED_SOURCE,
            f"No run is recorded for this version. Its source is {source[:700]}, and that has the id of {origin.name}.",
        )
        for origin in Node.objects.filter(urn__in=list(named), alias_of__isnull=True)
        for node, source in named[origin.urn]
    ]


def _naming(urns: set[str]) -> dict[tuple[str, str], Node]:
    """Return the versions without a run whose source names one of these runs or logged models, by name and number.

    The newest versions without a run are searched, as many as tags.
    """
    if not urns:
        return {}
    rows = ModelVersion.objects.filter(run_id="").exclude(source="").order_by("-pk")
    sources = rows.values_list("model__name", "version", "source")[:_MOST_TAGS]
    refs = [version_ref(name, version) for name, version, source in sources if not urns.isdisjoint(_named_in(source))]
    return {(node.name, node.version): node for node in Node.objects.filter(urn__in=refs)}


def _sources(targets: Iterable[tuple[str, str]]) -> Iterable[tuple[str, int, str]]:
    """Return name, number and source of the versions that were registered without a run, of models with these names."""
    rows = ModelVersion.objects.filter(model__name__in={name for name, _ in targets}, run_id="")
    return rows.values_list("model__name", "version", "source")


def _named_in(source: str) -> list[str]:
    """Return the URNs of the runs and logged models whose ids are whole parts of a source."""
    models = [logged_model_ref(model_id) for model_id in _MODEL_ID.findall(source)]
    return (models or [run_ref(run_id) for run_id in _RUN_ID.findall(source)])[:MOST_FOR_A_NODE]


def _md5_of(node: Node) -> str:
    """Return the MD5 of a dataset version in hex digits, "" where its digest is none."""
    digest = digest_hex(node.digest)
    return digest if _MD5.fullmatch(digest) else ""


def _versions_by_md5(md5s: set[str]) -> dict[str, list[Node]]:
    digests = [*md5s, *(f"md5:{md5}" for md5 in md5s)]
    by_md5: dict[str, list[Node]] = defaultdict(list)
    rows = Node.objects.filter(kind=NodeKind.DATASET_VERSION, digest__in=digests, alias_of__isnull=True)
    for node in rows.order_by("pk")[: _MOST_TAGS * MOST_FOR_A_NODE]:
        by_md5[_md5_of(node)].append(node)
    return by_md5


def _commits(run_ids: Iterable[str]) -> dict[str, str]:
    """Return the commit of each run that has one."""
    rows = RunTag.objects.filter(run__in=list(run_ids), key__in=COMMIT).exclude(value="")
    return dict(rows.order_by("-key").values_list("run_id", "value"))


def _dvc_evidence(file: DataFile, commit: str) -> str:
    at = f" at commit {commit.strip()[:40]}" if commit.strip() else ""
    return f"The run lists {file.path[:300]} as tracked by DVC{at}, and this version has its MD5, {file.md5}."
