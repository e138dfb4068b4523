"""Making nodes: what each is called, and getting or creating many of them in as few queries as can be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from django.utils import timezone

from core.columns import columns_of, insert_into
from core.refs import (
    code_ref,
    dataset_ref,
    dataset_version_ref,
    deployment_ref,
    endpoint_ref,
    model_ref,
    run_ref,
    version_ref,
)
from core.statements import portable, run
from lineage.models import Node, NodeKind

_OTHER_DIGESTS_KEPT = 10
_ADD = f"{insert_into(Node)} ON CONFLICT (urn) DO "
_COLUMNS = columns_of(Node)
_ADD_RUN = portable(_ADD + "NOTHING")
_NAME_RUN = portable(_ADD + "UPDATE SET name = excluded.name")


@dataclass(frozen=True, slots=True)
class Spec:
    """A node as it should be; ``container`` is the URN of its container, which must be placed with it or before it."""

    kind: NodeKind
    urn: str
    name: str
    version: str = ""
    digest: str = ""
    container: str = ""
    attrs: Mapping[str, object] = field(default_factory=dict)


def run_spec(run_id: str, name: str = "") -> Spec:
    """Return the node of a run; a run without a name is shown by its id."""
    return Spec(NodeKind.RUN, run_ref(run_id), name or run_id)


def dataset_specs(dataset: str, version: str, digest: str = "") -> tuple[Spec, Spec]:
    """Return the dataset and the version of it."""
    container = Spec(NodeKind.DATASET, dataset_ref(dataset), dataset)
    urn = dataset_version_ref(dataset, version)
    return container, Spec(NodeKind.DATASET_VERSION, urn, dataset, version, digest, container.urn)


def code_spec(commit: str, repo: str = "") -> Spec:
    """Return the node of a commit."""
    return Spec(NodeKind.CODE_VERSION, code_ref(commit), repo or commit, commit, commit)


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


def place_run(run_id: str, name: str) -> None:
    """Create the node of a run, or rename it: a faster `place` for runs, which are logged most often."""
    spec = run_spec(run_id, name)
    now: Any = timezone.now()
    values = {
        "kind": spec.kind.value,
        "urn": spec.urn,
        "name": spec.name,
        "version": "",
        "digest": "",
        "container_id": None,
        "attrs": "{}",
        "recorded_at": connection.ops.adapt_datetimefield_value(now),
    }
    run(_NAME_RUN if name else _ADD_RUN, [values[column] for column in _COLUMNS])


def place(*specs: Spec) -> list[Node]:
    """Return the nodes of ``specs`` in their order; create what is missing, add a digest that was not known before.

    One query where all exist; one more for containers and one for their members where some do not.
    """
    found = {node.urn: node for node in Node.objects.filter(urn__in=[spec.urn for spec in specs])}
    missing = {spec.urn: spec for spec in specs if spec.urn not in found}
    _create([spec for spec in missing.values() if not spec.container], found)
    _create([spec for spec in missing.values() if spec.container], found)
    for spec in specs:
        if spec.urn not in missing:
            _learn(found[spec.urn], spec)
    return [found[spec.urn] for spec in specs]


def _create(specs: Sequence[Spec], found: dict[str, Node]) -> None:
    """Insert nodes. The upsert that changes nothing makes both databases return the id even where another one was first."""
    if not specs:
        return
    ordered = sorted(specs, key=lambda spec: spec.urn)  # the same order in every transaction: no deadlock
    nodes = [
        Node(
            kind=spec.kind,
            urn=spec.urn,
            name=spec.name,
            version=spec.version,
            digest=spec.digest,
            container_id=found[spec.container].pk if spec.container else None,
            attrs=dict(spec.attrs),
        )
        for spec in ordered
    ]
    Node.objects.bulk_create(nodes, update_conflicts=True, unique_fields=["urn"], update_fields=["urn"])
    found.update({node.urn: node for node in nodes})


def _learn(node: Node, spec: Spec) -> None:
    """Add what a later witness knows: a run's name, a digest. A digest that differs is kept beside the first one."""
    changed = []
    if node.kind == NodeKind.RUN and spec.name not in {node.name, node.urn.partition(":")[2]}:
        node.name = spec.name
        changed.append("name")
    if spec.digest and not node.digest:
        node.digest = spec.digest
        changed.append("digest")
    elif spec.digest and spec.digest != node.digest:
        others = list(node.attrs.get("other_digests", []))
        if spec.digest not in others and len(others) < _OTHER_DIGESTS_KEPT:
            node.attrs["other_digests"] = [*others, spec.digest]
            changed.append("attrs")
    if changed:
        node.save(update_fields=changed)
