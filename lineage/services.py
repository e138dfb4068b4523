"""Writes of the lineage graph, for the other apps. Recording the same fact twice changes nothing.

Every function joins the caller's transaction. No function records an event: the change that it belongs to (a run logged
its inputs, a version was registered) records one.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Concat
from django.utils import timezone

from core.actors import Actor
from core.errors import AlreadyExists
from core.refs import deployment_ref, model_ref, run_ref
from core.times import iso_utc
from lineage.edges import record_edge
from lineage.identity.claims import ClaimedInput, Witness, add_claims, replace_claims
from lineage.identity.inheritance import set_parent, update_inheritance
from lineage.identity.nodes import (
    deployment_specs,
    ensure_nodes,
    ensure_run,
    environment_spec,
    evaluation_spec,
    logged_model_spec,
    run_spec,
    version_specs,
)
from lineage.models import Node, Relation
from lineage.queries import find_node
from lineage.withdrawn import PARENT_CHANGED

OBSERVED = "observed"
IMPORTED = "imported"
BASE_MODEL = "base_model"


@transaction.atomic(savepoint=False)
def record_run(*, actor: Actor, run_id: str, name: str = "") -> None:  # noqa: ARG001 - every service says who acts
    """Create the node of a run where it is missing; a ``name`` replaces the earlier one. One statement."""
    ensure_run(run_id, name)


@transaction.atomic(savepoint=False)
def record_inputs(
    *,
    actor: Actor,
    run_id: str,
    claimed: Sequence[ClaimedInput],
    witness: Witness,
    replaces: str | None = None,
) -> None:
    """Record the datasets that a part of a run names.

    With ``replaces`` they replace those that the part named before; it is the reason for the retraction.
    """
    if replaces is None:
        add_claims(actor=actor, subject=run_spec(run_id), rel=Relation.CONSUMED, claimed=claimed, witness=witness)
        return
    replace_claims(
        actor=actor, subject=run_spec(run_id), rel=Relation.CONSUMED, claimed=claimed, witness=witness, reason=replaces
    )


def record_code(*, actor: Actor, run_id: str, claimed: Sequence[ClaimedInput], witness: Witness, reason: str) -> None:
    """Replace the commits that the tags of a run named before by those that they name now."""
    replace_claims(
        actor=actor, subject=run_spec(run_id), rel=Relation.USED_CODE, claimed=claimed, witness=witness, reason=reason
    )


def record_parent(*, actor: Actor, run_id: str, parent_id: str) -> None:
    """Record the parent of a nested run, "" for none. The run inherits the inputs of its parent."""
    run, *parent = ensure_nodes(run_spec(run_id), *([run_spec(parent_id)] if parent_id else []))
    set_parent(actor=actor, run=run, parent=parent[0] if parent else None, reason=PARENT_CHANGED)


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
    """Record that a run produced a model version, and return the version's node; without ``run_id`` only create it.

    ``source`` names the witness, by default the run itself.
    """
    if not run_id:
        return ensure_nodes(*version_specs(model, version, digest))[1]
    run, _, node = ensure_nodes(run_spec(run_id), *version_specs(model, version, digest))
    record_edge(actor=actor, src=run, dst=node, rel=Relation.PRODUCED, mode=mode, source=source or run.urn)
    update_inheritance(actor=actor, run=run)
    return node


@transaction.atomic(savepoint=False)
def record_origin(
    *,
    actor: Actor,
    model: str,
    version: int,
    logged_model: str = "",
    copied_from: tuple[str, int] | None = None,
    packages: Sequence[str] = (),
    python: str = "",
    mode: str = OBSERVED,
    source: str = "",
) -> None:
    """Record the origin of a model version: its logged model, the version that it is a copy of, and its requirements.

    ``source`` names the witness, by default the version itself.
    """
    target = ensure_nodes(*version_specs(model, version))[1]
    witness = source or target.urn
    if logged_model:
        (logged_node,) = ensure_nodes(logged_model_spec(logged_model))
        record_edge(actor=actor, src=logged_node, dst=target, rel=Relation.DERIVED_FROM, mode=mode, source=witness)
    if copied_from is not None:
        original = ensure_nodes(*version_specs(*copied_from))[1]
        record_edge(
            actor=actor, src=original, dst=target, rel=Relation.DERIVED_FROM, role="copy", mode=mode, source=witness
        )
    if packages:
        (environment,) = ensure_nodes(environment_spec(packages, python))
        record_edge(actor=actor, src=environment, dst=target, rel=Relation.USED_ENV, mode=mode, source=witness)


@transaction.atomic(savepoint=False)
def record_logged_model(
    *, actor: Actor, model_id: str, name: str = "", run_id: str = "", mode: str = OBSERVED, source: str = ""
) -> Node:
    """Record that a run produced a logged model, and return its node; without ``run_id`` only create it."""
    if not run_id:
        return ensure_nodes(logged_model_spec(model_id, name))[0]
    run, node = ensure_nodes(run_spec(run_id), logged_model_spec(model_id, name))
    record_edge(actor=actor, src=run, dst=node, rel=Relation.PRODUCED, mode=mode, source=source or run.urn)
    update_inheritance(actor=actor, run=run)
    return node


@transaction.atomic(savepoint=False)
def record_model_inputs(
    *, actor: Actor, run_id: str, models: Sequence[str], mode: str = OBSERVED, source: str = ""
) -> None:
    """Record the logged models that a run read: it was trained from them, or evaluated them.

    ``source`` names the witness, by default the run itself.
    """
    if not models:
        return
    run, *nodes = ensure_nodes(run_spec(run_id), *(logged_model_spec(model_id) for model_id in models))
    for node in nodes:
        record_edge(
            actor=actor, src=node, dst=run, rel=Relation.CONSUMED, role=BASE_MODEL, mode=mode, source=source or run.urn
        )
    update_inheritance(actor=actor, run=run)


@transaction.atomic(savepoint=False)
def record_evaluation(*, actor: Actor, run_id: str, model_id: str, dataset: ClaimedInput) -> None:
    """Record that a run evaluated a logged model on a dataset: it logged metrics that name both."""
    label = f"{dataset.container.name}@{dataset.version or dataset.digest}"
    spec = evaluation_spec(run_id, model_id, label)
    logged_model, node = ensure_nodes(logged_model_spec(model_id), spec)
    source = run_ref(run_id)
    record_edge(actor=actor, src=logged_model, dst=node, rel=Relation.EVALUATED, mode=OBSERVED, source=source)
    witness = Witness(OBSERVED, source, "metric")
    add_claims(actor=actor, subject=spec, rel=Relation.EVALUATED_ON, claimed=[dataset], witness=witness)


@transaction.atomic(savepoint=False)
def record_deployment(*, actor: Actor, endpoint: str, number: int, revision: str, model: str, version: int) -> Node:
    """Record a rollout of a model version to an endpoint; return the deployment's node.

    An endpoint serves the versions of its deployments that have not ended.
    """
    specs = (*version_specs(model, version), *deployment_specs(endpoint, number, revision))
    _, served, target, rollout = ensure_nodes(*specs)
    record_edge(actor=actor, src=served, dst=rollout, rel=Relation.DEPLOYED, mode=OBSERVED, source=rollout.urn)
    record_edge(actor=actor, src=rollout, dst=target, rel=Relation.SERVES, mode=OBSERVED, source=rollout.urn)
    return rollout


def end_deployment(*, actor: Actor, endpoint: str, number: int) -> None:  # noqa: ARG001 - every service says who acts
    """Mark a deployment as ended: the ancestors of its endpoint no longer include it.

    Ending it again does not change the time. Raises NotFound: the graph does not know the deployment.
    """
    node = find_node(deployment_ref(endpoint, number))
    if "ended_at" not in node.attrs:
        node.attrs["ended_at"] = iso_utc(timezone.now())
        node.save(update_fields=["attrs"])


@transaction.atomic
def rename_model(*, actor: Actor, old: str, new: str) -> None:  # noqa: ARG001 - every service says who acts
    """Change the URNs and names of the nodes of a model and its versions.

    Raises AlreadyExists: another model has nodes with the new name.
    """
    if Node.objects.filter(urn=model_ref(new)).exists():
        raise AlreadyExists(f"The lineage graph already knows a model called {new}.")
    container = Node.objects.filter(urn=model_ref(old)).first()
    if container is None:
        return
    urn = Concat(Value(f"model-version:{new}/"), F("version"))
    Node.objects.filter(container=container).update(urn=urn, name=new)
    Node.objects.filter(pk=container.pk).update(urn=model_ref(new), name=new)


def retire_model(*, actor: Actor, name: str, model_id: int) -> str:
    """Rename the nodes of a deleted model, and return their new name.

    So a new model with the same name starts without history. No model can have the new name: it has a colon.
    """
    retired_name = f"{name} (deleted:{model_id})"
    rename_model(actor=actor, old=name, new=retired_name)
    return retired_name
