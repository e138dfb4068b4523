"""Writes of the lineage graph, for the other apps. Recording the same fact twice changes nothing.

Every function joins the caller's transaction. Observations are not events of their own: the change that was observed (a run
logged its inputs, a version was registered) records one. What a person declares or takes back is an event.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Concat
from django.utils import timezone

from audit.actions import Action
from audit.services import record
from core.actors import Actor
from core.errors import AlreadyExists, Conflict, Denied, InvalidInput, NotFound
from core.refs import deployment_ref, model_ref
from core.times import iso_utc
from lineage.edges import accept, require_declarable
from lineage.models import Assertion, Edge, EdgeAssertion, Node, Relation, RetractedEdge
from lineage.nodes import code_spec, dataset_specs, deployment_specs, place, place_run, run_spec, version_specs
from lineage.queries import find_node, is_upstream

OBSERVED = "observed"
DECLARED = "declared"
IMPORTED = "imported"


@transaction.atomic(savepoint=False)
def record_run(*, actor: Actor, run_id: str, name: str = "") -> None:  # noqa: ARG001 - every service says who acts
    """Make sure that the run is a node; a name given later replaces the earlier one. One statement."""
    place_run(run_id, name)


@transaction.atomic(savepoint=False)
def record_consumed(
    *,
    actor: Actor,
    run_id: str,
    dataset: str,
    version: str,
    digest: str = "",
    role: str = "",
    mode: str = OBSERVED,
    source: str = "",
) -> Node:
    """Record that a run read a dataset version; return the version's node.

    ``role`` says what for (train, test, …); ``source`` names the witness, by default the run itself. A version that turns
    up with a second digest keeps the first; the other is listed in its ``attrs["other_digests"]``.
    """
    run, _, node = place(run_spec(run_id), *dataset_specs(dataset, version, digest))
    witness = source or run.urn
    accept(actor=actor, src=node, dst=run, rel=Relation.CONSUMED, role=role, mode=mode, source=witness)
    return node


@transaction.atomic(savepoint=False)
def record_code(
    *, actor: Actor, run_id: str, commit: str, repo: str = "", mode: str = OBSERVED, source: str = ""
) -> Node:
    """Record the commit a run was started from; return its node. ``source`` names the witness, by default the run itself."""
    run, node = place(run_spec(run_id), code_spec(commit, repo))
    accept(actor=actor, src=node, dst=run, rel=Relation.USED_CODE, mode=mode, source=source or run.urn)
    return node


@transaction.atomic(savepoint=False)
def record_produced(
    *,
    actor: Actor,
    run_id: str,
    model: str,
    version: int,
    digest: str = "",
    mode: str = OBSERVED,
    source: str = "",
) -> Node:
    """Make the model version a node and record the run that produced it; with an empty ``run_id`` the node alone.

    ``source`` names the witness, by default the run itself.
    """
    if not run_id:
        return place(*version_specs(model, version, digest))[1]
    run, _, node = place(run_spec(run_id), *version_specs(model, version, digest))
    accept(actor=actor, src=run, dst=node, rel=Relation.PRODUCED, mode=mode, source=source or run.urn)
    return node


@transaction.atomic(savepoint=False)
def record_deployment(*, actor: Actor, endpoint: str, number: int, revision: str, model: str, version: int) -> Node:
    """Record a rollout of a model version to an endpoint; return the deployment's node.

    The deployment never changes; what an endpoint serves now is found through its deployments that have not ended.
    """
    specs = (*version_specs(model, version), *deployment_specs(endpoint, number, revision))
    _, served, target, rollout = place(*specs)
    accept(actor=actor, src=served, dst=rollout, rel=Relation.DEPLOYED, mode=OBSERVED, source=rollout.urn)
    accept(actor=actor, src=rollout, dst=target, rel=Relation.SERVES, mode=OBSERVED, source=rollout.urn)
    return rollout


def end_deployment(*, actor: Actor, endpoint: str, number: int) -> None:  # noqa: ARG001 - every service says who acts
    """Mark a deployment as ended: its endpoint's ancestry no longer starts from it. Ending twice keeps the first time."""
    node = find_node(deployment_ref(endpoint, number))
    if "ended_at" not in node.attrs:
        node.attrs["ended_at"] = iso_utc(timezone.now())
        node.save(update_fields=["attrs"])


@transaction.atomic
def rename_model(*, actor: Actor, old: str, new: str) -> None:  # noqa: ARG001 - every service says who acts
    """Give a model's nodes their new URNs and name. AlreadyExists where the new name has nodes of another model."""
    if Node.objects.filter(urn=model_ref(new)).exists():
        raise AlreadyExists(f"The lineage graph already knows a model called {new}.")
    container = Node.objects.filter(urn=model_ref(old)).first()
    if container is None:
        return
    urn = Concat(Value(f"model-version:{new}/"), F("version"))
    Node.objects.filter(container=container).update(urn=urn, name=new)
    Node.objects.filter(pk=container.pk).update(urn=model_ref(new), name=new)


def retire_model(*, actor: Actor, name: str, model_id: int) -> str:
    """Free the URNs of a deleted model, so that a new one of the same name starts with no history; return the kept name.

    No model can have that name (a colon is in none), so nobody registers themselves into the history of a deleted one.
    """
    kept = f"{name} (deleted:{model_id})"
    rename_model(actor=actor, old=name, new=kept)
    return kept


@transaction.atomic
def declare_edge(*, actor: Actor, src_urn: str, dst_urn: str, rel: Relation, role: str = "", reason: str = "") -> Edge:
    """Declare that one artifact flowed into another. Conflict where that would close a cycle, NotFound for unknown nodes."""
    src, dst = find_node(src_urn), find_node(dst_urn)
    require_declarable(rel, src, dst)
    if src.pk == dst.pk or is_upstream(dst, of=src):
        raise Conflict(f"{dst_urn} already flows into {src_urn}; the edge would close a cycle.")
    source = reason or f"declared by {actor.name}"
    edge_id = accept(actor=actor, src=src, dst=dst, rel=rel, role=role, mode=DECLARED, source=source)
    record(
        actor=actor,
        action=Action.LINEAGE_EDGE_DECLARED,
        obj=dst_urn,
        after={"edge": edge_id, "source": src_urn, "relation": rel.name, "role": role},
        reason=reason,
    )
    return Edge.objects.select_related("src", "dst").get(pk=edge_id)


@transaction.atomic
def retract_edge(*, actor: Actor, edge_id: int, reason: str) -> RetractedEdge:
    """Take an edge out of the graph, keeping it whole beside it with who did so and why.

    Whoever declared an edge may take it back; one that was observed is evidence, and only a superuser may. A run that logs
    the same input again brings the edge back as a new one.
    """
    if not reason.strip():
        raise InvalidInput("Say why the edge is wrong.")
    edge = Edge.objects.select_for_update(of=("self",)).select_related("src", "dst").filter(pk=edge_id).first()
    if edge is None:
        raise NotFound(f"There is no lineage edge {edge_id}.")
    _require_own_claim(actor, edge)
    kept = RetractedEdge.objects.create(
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
    record(
        actor=actor,
        action=Action.LINEAGE_EDGE_RETRACTED,
        obj=edge.dst.urn,
        before={"edge": edge_id, "source": edge.src.urn, "relation": Relation(edge.rel).name, "role": edge.role},
        reason=reason,
    )
    return kept


def _require_own_claim(actor: Actor, edge: Edge) -> None:
    witnesses = Assertion.objects.filter(pk__in=EdgeAssertion.objects.filter(edge_id=edge.pk).values("assertion"))
    own = all(witness.mode == DECLARED and witness.actor_ref == actor.ref for witness in witnesses)
    if not own and not actor.is_superuser:
        raise Denied(
            "Only who declared an edge may take it back; an observed one, only a superuser.",
            action=Action.LINEAGE_EDGE_RETRACTED,
            obj=edge.dst.urn,
        )
