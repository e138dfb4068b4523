"""Creating nodes: the URN and name of each kind, and reading or inserting many nodes in few queries."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from django.utils import timezone

from core.bulk import BulkInsert, among
from core.columns import columns_of, insert_into
from core.refs import (
    code_ref,
    content_ref,
    dataset_ref,
    dataset_version_ref,
    deployment_ref,
    endpoint_ref,
    environment_ref,
    evaluation_ref,
    logged_model_ref,
    model_ref,
    repository_ref,
    run_ref,
    version_ref,
)
from core.statements import portable, run
from lineage.identity.names import UNKNOWN_REPOSITORY, dataset_key, readable_name
from lineage.models import Node, NodeKind

_LONGEST_NAME = 500
_ADD = f"{insert_into(Node)} ON CONFLICT (urn) DO "
_COLUMNS = columns_of(Node)
_ADD_RUN = portable(_ADD + "NOTHING")
_ADD_MANY = BulkInsert(Node, conflict="ON CONFLICT (urn) DO UPDATE SET urn = excluded.urn", returning=("id", "urn"))
_NAME_RUN = portable(_ADD + "UPDATE SET name = excluded.name")


@dataclass(frozen=True, slots=True)
class Spec:
    """A node to find or create. ``container`` is the URN of its container, given in the same call or created before."""

    kind: NodeKind
    urn: str
    name: str
    version: str = ""
    digest: str = ""
    container: str = ""
    attrs: Mapping[str, object] = field(default_factory=dict)


def run_spec(run_id: str, name: str = "") -> Spec:
    """Return the node of a run. A run without a name has its id as name; a long name is cut."""
    return Spec(NodeKind.RUN, run_ref(run_id), name[:_LONGEST_NAME] or run_id)


def dataset_spec(name: str, scope: str = "") -> Spec:
    """Return the dataset with a name. With a ``scope``, an experiment or namespace, it is a dataset of that alone."""
    attrs = {"scope": scope} if scope else {}
    return Spec(NodeKind.DATASET, dataset_ref(dataset_key(name, scope), scope), readable_name(name), attrs=attrs)


def member_spec(container: Node, version: str, digest: str = "") -> Spec:
    """Return a version of a dataset, or a commit of a repository."""
    scope = str(container.attrs.get("scope", ""))
    if container.kind == NodeKind.DATASET:
        urn = dataset_version_ref(dataset_key(container.name, scope), version, scope)
        return Spec(NodeKind.DATASET_VERSION, urn, container.name, version, digest, container.urn)
    urn = code_ref(version, str(container.attrs.get("key", "")))
    return Spec(NodeKind.CODE_VERSION, urn, container.name, version, version, container.urn)


def repository_spec(address: str, experiment: str = "") -> Spec:
    """Return the repository with an address; without an address, the unknown repository of an ``experiment``."""
    key = address or experiment
    name = address or f"{UNKNOWN_REPOSITORY}, {experiment}"
    return Spec(NodeKind.REPOSITORY, repository_ref(key), name, attrs={"key": key, "known": bool(address)})


def content_spec(digest: str, dataset: str = "") -> Spec:
    """Return the node that joins versions with the same bytes; a short digest counts within its ``dataset`` only."""
    return Spec(NodeKind.CONTENT, content_ref(digest, dataset), "the same bytes", digest=digest)


def logged_model_spec(model_id: str, name: str = "") -> Spec:
    """Return the node of a logged model."""
    return Spec(NodeKind.LOGGED_MODEL, logged_model_ref(model_id), name or model_id)


def evaluation_spec(run_id: str, model_id: str, dataset: str) -> Spec:
    """Return the evaluation of a logged model by a run on one dataset."""
    return Spec(NodeKind.EVALUATION, evaluation_ref(run_id, model_id, dataset), dataset or "evaluation")


def environment_spec(packages: Sequence[str], python: str = "") -> Spec:
    """Return the environment with these requirements; the order and the spaces of the lines do not matter."""
    lines = sorted({" ".join(line.split()) for line in packages})
    digest = hashlib.sha256("\n".join([python, *lines]).encode()).hexdigest()
    name = f"python {python}".strip() if python else "packages"
    attrs = {"python": python, "packages": lines}
    return Spec(NodeKind.ENVIRONMENT, environment_ref(digest), name, digest[:12], f"sha256:{digest}", attrs=attrs)


def version_specs(model: str, version: int, digest: str = "") -> tuple[Spec, Spec]:
    """Return the registered model and the version of it."""
    container = Spec(NodeKind.MODEL, model_ref(model), model)
    urn = version_ref(model, version)
    return container, Spec(NodeKind.MODEL_VERSION, urn, model, str(version), digest, container.urn)


def deployment_specs(endpoint: str, number: int, revision: str) -> tuple[Spec, Spec]:
    """Return the endpoint and one rollout to it."""
    container = Spec(NodeKind.ENDPOINT, endpoint_ref(endpoint), endpoint)
    urn = deployment_ref(endpoint, number)
    attrs = {"number": number, "revision": revision}
    version = revision or str(number)
    return container, Spec(NodeKind.DEPLOYMENT, urn, endpoint, version, container=container.urn, attrs=attrs)


def ensure_run(run_id: str, name: str) -> None:
    """Create the node of a run, or rename it. It is a faster `ensure_nodes` for runs, which are logged most often."""
    spec = run_spec(run_id, name)
    now: Any = timezone.now()
    values = {
        "kind": spec.kind.value,
        "urn": spec.urn,
        "name": spec.name,
        "version": "",
        "digest": "",
        "container_id": None,
        "alias_of_id": None,
        "attrs": "{}",
        "recorded_at": connection.ops.adapt_datetimefield_value(now),
    }
    run(_NAME_RUN if name else _ADD_RUN, [values[column] for column in _COLUMNS])


def ensure_nodes(*specs: Spec) -> list[Node]:
    """Return the nodes of ``specs`` in their order. Missing nodes are created, and new facts are added to others.

    For an alias, the node that it is an alias of is returned. One query where all nodes exist; where some do not, one
    more for containers and one for their members. Each node with new facts is one more.
    """
    return [node.alias_of or node for node in ensure_own_nodes(*specs)]


def ensure_own_nodes(*specs: Spec) -> list[Node]:
    """Return the nodes of ``specs`` as `ensure_nodes` does, but for an alias the alias itself."""
    urns = [spec.urn for spec in specs]
    nodes = {node.urn: node for node in Node.objects.select_related("alias_of").filter(urn__in=among(urns))}
    missing = {spec.urn: spec for spec in specs if spec.urn not in nodes}
    _create([spec for spec in missing.values() if not spec.container], nodes)
    _create([spec for spec in missing.values() if spec.container], nodes)
    for spec in specs:
        if spec.urn not in missing:
            _add_facts(nodes[spec.urn], spec)
    return [nodes[spec.urn] for spec in specs]


def _create(specs: Sequence[Spec], nodes_by_urn: dict[str, Node]) -> None:
    """Insert nodes and add them to ``nodes_by_urn``.

    The upsert sets the URN to itself: so both databases return the id also of a node that another transaction inserted.
    """
    if not specs:
        return
    lacking = {spec.container for spec in specs if spec.container} - nodes_by_urn.keys()
    if lacking:
        nodes_by_urn |= {node.urn: node for node in Node.objects.filter(urn__in=lacking)}
    ordered = sorted(specs, key=lambda spec: spec.urn)  # the same order in every transaction: no deadlock
    values = [
        {
            "kind": spec.kind.value,
            "urn": spec.urn,
            "name": spec.name,
            "version": spec.version,
            "digest": spec.digest,
            "container_id": nodes_by_urn[spec.container].pk if spec.container else None,
            "attrs": dict(spec.attrs),
        }
        for spec in ordered
    ]
    ids = {urn: pk for pk, urn in _ADD_MANY.run(values)}
    for row in values:
        node = Node(id=ids[row["urn"]], **row)
        node._state.adding = False  # noqa: SLF001 - as Django's own bulk_create does
        node._state.db = connection.alias  # noqa: SLF001 - as above
        nodes_by_urn[node.urn] = node


def _add_facts(node: Node, spec: Spec) -> None:
    """Add new facts to a node: the name of a run or logged model, the spelling of a dataset's name, a digest.

    Of two spellings the one that sorts last is stored, so that the order in which they come does not matter.
    """
    changed = []
    has_name = node.kind in (NodeKind.RUN, NodeKind.LOGGED_MODEL) and spec.name != spec.urn.partition(":")[2]
    sorts_later = node.kind in (NodeKind.DATASET, NodeKind.DATASET_VERSION) and spec.name > node.name
    if (has_name and spec.name != node.name) or sorts_later:
        node.name = spec.name
        changed.append("name")
    if spec.digest and not node.digest:
        node.digest = spec.digest
        changed.append("digest")
    if changed:
        node.save(update_fields=changed)
