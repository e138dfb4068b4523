"""Inserting edges with their witnesses, and the kinds of nodes that a relation may join."""

from __future__ import annotations

from core.actors import Actor
from core.errors import InvalidInput
from lineage.models import Assertion, Edge, EdgeAssertion, Node, NodeKind, Relation
from lineage.statements import insert_edge

_K = NodeKind
# The kinds of nodes that each relation may join: upstream kinds → downstream kinds.
ENDS: dict[Relation, tuple[frozenset[NodeKind], frozenset[NodeKind]]] = {
    Relation.CONSUMED: (frozenset({_K.DATASET_VERSION, _K.MODEL_VERSION, _K.LOGGED_MODEL}), frozenset({_K.RUN})),
    Relation.USED_CODE: (frozenset({_K.CODE_VERSION}), frozenset({_K.RUN})),
    Relation.USED_ENV: (frozenset({_K.ENVIRONMENT}), frozenset({_K.RUN, _K.MODEL_VERSION})),
    Relation.PRODUCED: (frozenset({_K.RUN}), frozenset({_K.DATASET_VERSION, _K.MODEL_VERSION, _K.LOGGED_MODEL})),
    Relation.DERIVED_FROM: (
        frozenset({_K.DATASET_VERSION, _K.MODEL_VERSION, _K.LOGGED_MODEL}),
        frozenset({_K.DATASET_VERSION, _K.MODEL_VERSION}),
    ),
    Relation.EVALUATED: (frozenset({_K.MODEL_VERSION, _K.LOGGED_MODEL}), frozenset({_K.EVALUATION})),
    Relation.EVALUATED_ON: (frozenset({_K.DATASET_VERSION}), frozenset({_K.EVALUATION})),
    Relation.DEPLOYED: (frozenset({_K.MODEL_VERSION}), frozenset({_K.DEPLOYMENT})),
    Relation.SERVES: (frozenset({_K.DEPLOYMENT}), frozenset({_K.ENDPOINT})),
}
# Only the deployment API records rollouts. Edges of nested runs and of equal bytes are derived.
DECLARABLE = frozenset(ENDS) - {Relation.DEPLOYED, Relation.SERVES}


def require_declarable(rel: Relation, src: Node, dst: Node) -> None:
    """Raise InvalidInput for a relation that cannot be declared, or that cannot join nodes of these kinds."""
    if rel not in DECLARABLE:
        raise InvalidInput(f"An edge {rel.name} follows from other facts; it cannot be declared.")
    sources, targets = ENDS[rel]
    if src.kind not in sources or dst.kind not in targets:
        kinds = f"{NodeKind(src.kind).label} → {NodeKind(dst.kind).label}"
        raise InvalidInput(f"{rel.name} cannot join {kinds}.")
    if rel is Relation.DERIVED_FROM and (src.kind == _K.DATASET_VERSION) != (dst.kind == _K.DATASET_VERSION):
        raise InvalidInput("DERIVED_FROM joins two dataset versions, or two models.")


def record_edge(*, actor: Actor, src: Node, dst: Node, rel: Relation, role: str = "", mode: str, source: str) -> int:
    """Insert the edge and its witness where they are missing; return its id."""
    role = role[:32]
    same = Edge.objects.filter(src=src, dst=dst, rel=rel, role=role)
    edge_id = same.values_list("pk", flat=True).first()
    witness = {"mode": mode, "source": source[:700], "actor_ref": actor.ref[:100]}
    if edge_id is None:
        edge_id = insert_edge(src=src.pk, dst=dst.pk, rel=rel.value, role=role)
    elif _has_witness(edge_id, witness):
        return edge_id
    if edge_id is None:  # another transaction was first
        edge_id = same.get().pk
    EdgeAssertion.objects.create(edge_id=edge_id, assertion=Assertion.objects.create(**witness))
    return edge_id


def _has_witness(edge_id: int, witness: dict[str, str]) -> bool:
    conditions = {f"assertion__{name}": value for name, value in witness.items()}
    return EdgeAssertion.objects.filter(edge_id=edge_id, **conditions).exists()
