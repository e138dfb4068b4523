"""The edges that follow from the merged events of a run: inputs, outputs, code and parent.

Without a lineage facet every input flows through the run into every output. With one, each pair of an input and an
output that it names is an edge, and an input that it names for no output flows into none.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from audit.actions import Action
from core.actors import Actor
from core.errors import Denied
from core.ids import row_id
from core.refs import run_ref, version_ref
from lineage.edges import record_edge
from lineage.identity.claims import ClaimedInput, Witness, replace_claims
from lineage.identity.inheritance import set_parent
from lineage.identity.moves import Key, edge_ids, retract_all, retract_unclaimed
from lineage.identity.names import UNVERSIONED, repository_key
from lineage.identity.nodes import Spec, ensure_nodes, member_spec, repository_spec, run_spec
from lineage.identity.same_datasets import join_versions
from lineage.identity.settle import mark_alias
from lineage.identity.versions import ensure_meant_version, ensure_version
from lineage.models import Edge, EdgeAssertion, JobRun, Node, NodeKind, Relation
from lineage.openlineage.dataset_names import dataset_of, unknown_version, version_of
from lineage.openlineage.events import NamedDataset, run_uuid
from lineage.openlineage.merge import State, datasets_of, explicit_pairs, facets_of
from lineage.queries import find_node
from lineage.visibility import known_nodes, require_declaring
from lineage.withdrawn import EVENT_CHANGED

ORIGIN = "openlineage"
_TEST = "TEST"
_WRITES_NOTHING = frozenset({"DROP", "RENAME"})


@dataclass(frozen=True, slots=True)
class Use:
    """A dataset that a run read or wrote, and the version of it: named by the events, or unknown."""

    key: str
    dataset: Spec
    version: str
    is_model: bool


@dataclass(frozen=True, slots=True)
class Shape:
    """The facts that the edges of a run are derived from."""

    inputs: tuple[Use, ...]
    outputs: tuple[Use, ...]
    pairs: tuple[tuple[str, str], ...] | None
    code: tuple[str, str]
    parent: str

    @property
    def digest(self) -> str:
        """Return the key that equal shapes share."""
        return hashlib.sha256(repr(self).encode()).hexdigest()


def shape_of(actor: Actor, state: State, run_id: str, *, tracked: bool) -> Shape:
    """Return the shape of a run.

    An input without a version is "unversioned" for a tracked run, which may name the version in a tag or param. For
    other runs it is a version of its own.
    """
    unnamed = UNVERSIONED if tracked else unknown_version(run_id, written=False)
    inputs = [_use(actor, dataset, unnamed) for dataset in datasets_of(state, "in")]
    named = {(use.key, use.version) for use in inputs}
    is_test = facets_of(state.get("facets", {})).get("jobType", {}).get("jobType") == _TEST
    unnamed = unknown_version(run_id, written=True)
    written = [dataset for dataset in datasets_of(state, "out") if not is_test and _is_written(dataset)]
    outputs = [_use(actor, dataset, unnamed) for dataset in written]
    # A dataset that is read and written is two versions, also where the events name one.
    outputs = [
        Use(use.key, use.dataset, unnamed, use.is_model) if (use.key, use.version) in named else use for use in outputs
    ]
    explicit = explicit_pairs(state)
    keys = {use.key for use in inputs}, {use.key for use in outputs if not use.is_model}
    pairs = None
    if explicit is not None:
        pairs = tuple(
            sorted({(src, dst) for dst, sources in explicit for src in sources if src in keys[0] and dst in keys[1]})
        )
    return Shape(tuple(inputs), tuple(outputs), pairs, _code(state), _parent(state, run_id))


def _is_written(dataset: NamedDataset) -> bool:
    """Return whether a run that lists a dataset as output wrote data: dropping or renaming it writes none."""
    change = dataset.facets.get("lifecycleStateChange", {}).get("lifecycleStateChange")
    return str(change or "").upper() not in _WRITES_NOTHING


def _use(actor: Actor, dataset: NamedDataset, unnamed: str) -> Use:
    """Return the use of a dataset, or of a model version. A model version that the actor may not see is a dataset."""
    version = version_of(dataset.facets, dataset.use)
    kind = str(dataset.facets.get("datasetType", {}).get("datasetType", "")).upper()
    is_model = kind == "MODEL" and row_id(version.removeprefix("v")) > 0
    return Use(
        dataset.key,
        dataset_of(dataset.namespace, dataset.name),
        version or unnamed,
        is_model and bool(known_nodes(actor, Node.objects.filter(urn=_version_urn(dataset.name, version)))),
    )


def _version_urn(name: str, version: str) -> str:
    return version_ref(name, version.removeprefix("v"))


def _code(state: State) -> tuple[str, str]:
    """Return the repository and the commit of the run, "" for an unknown one."""
    location = facets_of(state.get("facets", {})).get("sourceCodeLocation", {})
    commit, address = location.get("version"), location.get("repoUrl") or location.get("url")
    if not isinstance(commit, str) or not commit.strip():
        return "", ""
    return (address if isinstance(address, str) else "")[:400].replace("\x00", ""), commit.strip()[:255].replace(
        "\x00", ""
    )


def _parent(state: State, run_id: str) -> str:
    facets = facets_of(state.get("runs", {}))
    parent = facets.get("parent") or facets.get("parentRun") or {}
    run, job = parent.get("run"), parent.get("job")
    if not isinstance(run, dict):
        return ""
    named = (str(job.get("namespace", "")), str(job.get("name", ""))) if isinstance(job, dict) else None
    parent_id = run_uuid(run.get("runId"), named)
    return "" if parent_id == run_id else parent_id


def source_of(run_id: str) -> str:
    """Return the source of the witness of edges that the events of a run name."""
    return f"{ORIGIN} run {run_id}"


def repository_of(shape: Shape, job: str) -> Spec:
    """Return the repository of the commit of a run; without an address an unknown repository of the job."""
    address = shape.code[0]
    return repository_spec(repository_key(address) if address else "", f"job {job}")


def settle_run(actor: Actor, row: JobRun, run_id: str, shape: Shape) -> None:
    """Update the edges of a run to its events.

    Raises Denied: an output that the actor may not change. Raises NotFound: a model version was deleted meanwhile.
    """
    run = row.node
    source = source_of(run_id)
    _read(actor, run, run_id, shape, source)
    written = _written(actor, run, run_id, shape, source)
    _pairs(actor, row, shape, written, source)
    _join_names(actor, shape)
    commit = shape.code[1]
    claimed = [ClaimedInput(repository_of(shape, str(row.job or run_id)), version=commit)] if commit else []
    spec = Spec(NodeKind.RUN, run.urn, run.name)
    witness = Witness("observed", source, ORIGIN)
    replace_claims(
        actor=actor, subject=spec, rel=Relation.USED_CODE, claimed=claimed, witness=witness, reason=EVENT_CHANGED
    )
    _nest(actor, run, shape.parent)


def _read(actor: Actor, run: Node, run_id: str, shape: Shape, source: str) -> None:
    """Record that the run consumed its inputs; with explicit pairs only those that flow into a model."""
    through_run = shape.pairs is None or any(use.is_model for use in shape.outputs)
    claimed = [
        ClaimedInput(use.dataset, version=use.version) for use in shape.inputs if through_run and not use.is_model
    ]
    spec = Spec(NodeKind.RUN, run.urn, run.name)
    witness = Witness("observed", source, ORIGIN)
    replace_claims(
        actor=actor, subject=spec, rel=Relation.CONSUMED, claimed=claimed, witness=witness, reason=EVENT_CHANGED
    )
    for use in shape.inputs if through_run else ():
        if use.is_model:
            record_edge(
                actor=actor,
                src=_node(actor, use),
                dst=run,
                rel=Relation.CONSUMED,
                role="base_model",
                mode="observed",
                source=source,
            )
    for use in shape.inputs:
        node = _node(actor, use, is_input=True)
        _rename(actor, use, unknown_version(run_id, written=False), node)


def _node(actor: Actor, use: Use, *, is_input: bool = False) -> Node:
    """Return the node of a used version; an input may be named by the digest of another version."""
    if use.is_model:
        return find_node(_version_urn(json.loads(use.key)[1], use.version))
    (container,) = ensure_nodes(use.dataset)
    ensure = ensure_meant_version if is_input else ensure_version
    node = ensure(actor=actor, container=container, version=use.version)
    if node.alias_of_id is not None and use.version.startswith(("read by", "written by")):
        Node.objects.filter(pk=node.pk).update(alias_of=None)  # no event names its version any more
        node.alias_of = None
    return node.alias_of or node


def _written(actor: Actor, run: Node, run_id: str, shape: Shape, source: str) -> dict[str, Node]:
    """Record that the run produced its outputs; return the node of each by the key of its dataset."""
    nodes = {use.key: _node(actor, use) for use in shape.outputs}
    node_ids = {node.pk for node in nodes.values()}
    existing = Edge.objects.filter(src=run, rel=Relation.PRODUCED, dst__kind=NodeKind.DATASET_VERSION)
    outdated: list[Key] = [
        (run.pk, pk, Relation.PRODUCED.value, "")
        for pk in existing.values_list("dst_id", flat=True)
        if pk not in node_ids
    ]
    for use in shape.outputs:
        node = nodes[use.key]
        require_declaring(actor, node.urn, Action.LINEAGE_EVENTS_RECEIVED)
        record_edge(actor=actor, src=run, dst=node, rel=Relation.PRODUCED, mode="observed", source=source)
        _rename(actor, use, unknown_version(run_id, written=True), node)
    retract_unclaimed(actor=actor, keys=outdated, reason=EVENT_CHANGED)
    return nodes


def _rename(actor: Actor, use: Use, unnamed: str, node: Node) -> None:
    """Make an unnamed version an alias of the version that it was identified as."""
    if use.version == unnamed or node.kind != NodeKind.DATASET_VERSION:
        return
    (container,) = ensure_nodes(use.dataset)
    row = Node.objects.filter(urn=member_spec(container, unnamed).urn).exclude(pk=node.pk).first()
    if row is not None:
        mark_alias(actor, row, node)


def _pairs(actor: Actor, row: JobRun, shape: Shape, written: dict[str, Node], source: str) -> None:
    """Insert the edges from input to output that a lineage facet names; retract those that it no longer names."""
    sources = {use.key: use for use in shape.inputs}
    pairs: dict[Key, tuple[Node, Node]] = {}
    for src_key, dst_key in shape.pairs or ():
        src, dst = _node(actor, sources[src_key]), written[dst_key]
        if src.pk != dst.pk and src.kind == NodeKind.DATASET_VERSION:
            pairs[src.pk, dst.pk, Relation.DERIVED_FROM.value, ""] = (src, dst)
    for src, dst in pairs.values():
        record_edge(actor=actor, src=src, dst=dst, rel=Relation.DERIVED_FROM, mode="observed", source=source)
    ids = set(edge_ids(list(pairs)).values())
    outdated = Edge.objects.filter(pk__in=set(row.pairs) - ids).values_list("pk", flat=True)
    others = EdgeAssertion.objects.filter(edge_id__in=outdated).exclude(assertion__source=source)
    of_others = set(others.values_list("edge_id", flat=True))
    retract_all(actor=actor, edge_ids=[pk for pk in outdated if pk not in of_others], reason=EVENT_CHANGED)
    row.pairs = sorted(ids)


def _join_names(actor: Actor, shape: Shape) -> None:
    """Join the versions that a run used with the same versions under other names of their datasets."""
    uses = [use for use in (*shape.inputs, *shape.outputs) if not use.is_model]
    datasets = ensure_nodes(*(use.dataset for use in uses)) if uses else []
    join_versions(actor=actor, versions=[(node, use.version) for node, use in zip(datasets, uses, strict=True)])


def _nest(actor: Actor, run: Node, parent_id: str) -> None:
    """Make the run a child of the run that its parent facet names, unless the actor may not change that run."""
    parent = tracked_run(parent_id) if parent_id else None
    if parent is not None:
        try:
            require_declaring(actor, parent.urn, Action.LINEAGE_EVENTS_RECEIVED)
        except Denied:
            return
    elif parent_id:
        (parent,) = ensure_nodes(run_spec(parent_id))
    if parent is not None or run.container_id is not None:
        set_parent(actor=actor, run=run, parent=parent, reason=EVENT_CHANGED)


def tracked_run(run_id: str) -> Node | None:
    """Return the node of the run of the tracking API whose id is this UUID without dashes, None where there is none."""
    return Node.objects.filter(urn=run_ref(run_id.replace("-", ""))).first()


def run_node(actor: Actor, run_id: str) -> Node:
    """Return the node of a run: that of the tracked run with this id, otherwise a node of OpenLineage's run.

    Raises Denied: the run is somebody else's.
    """
    tracked = tracked_run(run_id)
    if tracked is not None:
        require_declaring(actor, tracked.urn, Action.LINEAGE_EVENTS_RECEIVED)
        return tracked
    (node,) = ensure_nodes(run_spec(run_id))
    row = JobRun.objects.filter(node=node).first()
    if row is not None and row.actor_ref != actor.ref and not actor.is_superuser:
        raise Denied(
            f"{row.sent_by} sends the events of run {run_id}; nobody else may add to it.",
            action=Action.LINEAGE_EVENTS_RECEIVED,
            obj=node.urn,
        )
    return node
