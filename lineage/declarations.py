"""Declared edges: somebody declares that one node flowed into another, and may retract it. Both are events."""

from __future__ import annotations

from urllib.parse import unquote

from django.db import transaction

from audit.actions import Action
from audit.evidence import Evidence, node_subject, note_writer
from audit.services import record
from core.actors import Actor
from core.errors import Conflict, Denied, InvalidInput, NotFound
from lineage.edges import record_edge, require_declarable
from lineage.identity.inheritance import update_inheritance
from lineage.identity.names import version_key
from lineage.identity.nodes import dataset_spec, ensure_nodes
from lineage.identity.same_datasets import join_versions
from lineage.identity.versions import ensure_version, named_by_digest
from lineage.models import Assertion, Claim, Edge, EdgeAssertion, Node, NodeKind, Relation, RetractedEdge
from lineage.quarantine import require_independence
from lineage.queries import find_node, is_upstream
from lineage.visibility import hidden_nodes, require_declaring

DECLARED = "declared"
_LONGEST = 255


@transaction.atomic
def declare_edge(*, actor: Actor, src_urn: str, dst_urn: str, rel: Relation, role: str = "", reason: str = "") -> Edge:
    """Declare that one artifact flowed into another, and return the edge.

    The actor needs the right to change the second one. An unknown dataset version is created. Raises Conflict: the edge
    would close a cycle. Raises NotFound: another node is unknown. Raises Denied, InvalidInput.
    """
    src, dst = _known_or_new(actor, src_urn), _known_or_new(actor, dst_urn)
    require_declarable(rel, src, dst)
    require_declaring(actor, dst.urn, Action.LINEAGE_EDGE_DECLARED)
    if src.pk == dst.pk or is_upstream(dst, of=src):
        raise Conflict(f"{dst_urn} already flows into {src_urn}; the edge would close a cycle.")
    source = reason or f"declared by {actor.name}"
    edge_id = record_edge(actor=actor, src=src, dst=dst, rel=rel, role=role, mode=DECLARED, source=source)
    named = [(node.container, node.version) for node in (src, dst) if node.kind == NodeKind.DATASET_VERSION]
    join_versions(actor=actor, versions=[(dataset, version) for dataset, version in named if dataset is not None])
    note_writer(actor=actor, subject=node_subject(dst.pk), kind=Evidence.EDGE_DECLARED, details=[src_urn])
    record(
        actor=actor,
        action=Action.LINEAGE_EDGE_DECLARED,
        obj=dst_urn,
        after={"edge": edge_id, "source": src_urn, "relation": rel.name, "role": role},
        reason=reason,
    )
    return Edge.objects.select_related("src", "dst").get(pk=edge_id)


def _known_or_new(actor: Actor, urn: str) -> Node:
    """Return the node with a URN; an unknown dataset version, such as `dataset-version:orders/v2`, is created.

    Raises NotFound: an unknown node of another kind, or a node that the actor may not see.
    """
    try:
        node = find_node(urn, by_other_names=False)
    except NotFound:
        kind, _, object_name = urn.partition(":")
        name, _, version = (unquote(part) for part in object_name.rpartition("/"))
        container, version = dataset_spec(name), version_key(version)
        is_sound = kind == "dataset-version" and object_name.count("/") == 1 and name and version and "\x00" not in urn
        if not is_sound or max(len(name), len(version)) > _LONGEST:
            raise
        (new_dataset,) = ensure_nodes(container)
        _require_visible(actor, new_dataset, urn)
        return ensure_version(actor=actor, container=new_dataset, version=version)
    _require_visible(actor, node, urn)
    version, dataset = version_key(unquote(urn.rpartition("/")[2])), node.container
    is_other_name = node.kind == NodeKind.DATASET_VERSION and node.version != version
    if is_other_name and dataset is not None and named_by_digest([(dataset.pk, version)]):
        return ensure_version(actor=actor, container=dataset, version=version)
    return node


def _require_visible(actor: Actor, node: Node, urn: str) -> None:
    """Raise the NotFound of an unknown node for one that the actor may not see, with the URN as it was asked for."""
    if hidden_nodes(actor, [node]):
        raise NotFound(f"The lineage graph does not know {urn[:200]!r}.")


@transaction.atomic
def retract_edge(*, actor: Actor, edge_id: int, reason: str) -> RetractedEdge:
    """Retract an edge: remove it from the graph, and store who retracted it and why.

    The person who declared an edge may retract it. An observed edge is evidence, so only a superuser may retract it.
    Where quarantined data flows through the edge, those who may not release the quarantine may not retract it. A run
    that logs the same input again adds the edge as a new one. Raises Denied, InvalidInput, NotFound.
    """
    if not reason.strip():
        raise InvalidInput("Say why the edge is wrong.")
    edge = Edge.objects.select_for_update(of=("self",)).select_related("src", "dst").filter(pk=edge_id).first()
    if edge is None:
        raise NotFound(f"There is no lineage edge {edge_id}.")
    _require_own_claim(actor, edge)
    require_independence(actor, [edge.src.urn], Action.LINEAGE_EDGE_RETRACTED)
    require_declaring(actor, edge.dst.urn, Action.LINEAGE_EDGE_RETRACTED)
    retracted = RetractedEdge.objects.create(
        edge_id=edge.pk,
        src_id=edge.src_id,
        dst_id=edge.dst_id,
        rel=edge.rel,
        role=edge.role,
        recorded_at=edge.recorded_at,
        retracted_by=actor.name,
        reason=reason[:500],
    )
    edge.delete()
    Claim.objects.filter(run=edge.dst, node=edge.src, rel=edge.rel, role=edge.role).delete()
    update_inheritance(actor=actor, run=edge.dst, reason=reason)
    note_writer(actor=actor, subject=node_subject(edge.dst_id), kind=Evidence.EDGE_RETRACTED, details=[edge.src.urn])
    record(
        actor=actor,
        action=Action.LINEAGE_EDGE_RETRACTED,
        obj=edge.dst.urn,
        before={"edge": edge_id, "source": edge.src.urn, "relation": Relation(edge.rel).name, "role": edge.role},
        reason=reason,
    )
    return retracted


def _require_own_claim(actor: Actor, edge: Edge) -> None:
    """Raise Denied where somebody else declared the edge or it was observed, and the actor is no superuser."""
    witnesses = Assertion.objects.filter(pk__in=EdgeAssertion.objects.filter(edge_id=edge.pk).values("assertion"))
    modes = {(witness.mode, witness.actor_ref) for witness in witnesses}  # none: the edge follows from other facts
    own = modes == {(DECLARED, actor.ref)}
    if not own and not actor.is_superuser:
        raise Denied(
            "Only the person who declared an edge may retract it. Only a superuser may retract an observed edge.",
            action=Action.LINEAGE_EDGE_RETRACTED,
            obj=edge.dst.urn,
        )
