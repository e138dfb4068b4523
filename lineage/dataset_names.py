"""The other names of a dataset, and the decision of a person that two names do not mean one dataset."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from audit.actions import Action
from audit.evidence import Evidence, node_subject, note_writers
from audit.services import record
from core.actors import Actor
from core.errors import Conflict, InvalidInput
from lineage.identity.same_datasets import join_all_versions, names_of, statements_about
from lineage.models import Edge, Node, NodeKind, Relation, SameDataset, SeparatedDatasets
from lineage.quarantine import MAX_REASON, require_independence, require_quarantine_right
from lineage.queries import find_visible
from lineage.visibility import known_nodes


def visible_statements(actor: Actor, dataset: Node) -> list[SameDataset]:
    """Return the statements in force that give a dataset its other names, without names that the actor may not see."""
    names = {node.pk for node in known_nodes(actor, names_of(dataset).datasets)}
    return [row for row in statements_about(names) if {row.dataset_id, row.other_id} <= names] if len(names) > 1 else []


@transaction.atomic
def separate_names(*, actor: Actor, dataset_urn: str, other_urn: str, reason: str) -> SeparatedDatasets:
    """Decide that two names do not mean one dataset, and return the decision. Their versions are no longer joined.

    It stays in force, whatever later events say. Raises Denied: the actor is neither a superuser nor a person who may
    release quarantines, or a guard refuses them for quarantined data that the names join. Raises NotFound, InvalidInput
    (no reason, or no dataset), Conflict (no event joins the names, or they are separated already).
    """
    dataset, other = sorted((_dataset(actor, urn) for urn in (dataset_urn, other_urn)), key=lambda node: node.urn)
    text = reason.strip()[:MAX_REASON]
    if not text or "\x00" in text:
        raise InvalidInput("Say why the names mean different datasets. The reason is kept with your name.")
    require_quarantine_right(actor, Action.LINEAGE_NAMES_SEPARATED, dataset.urn, people_only=True)
    if not any((row.dataset_id, row.other_id) == (dataset.pk, other.pk) for row in statements_about([dataset.pk])):
        raise Conflict(f"No event in force says that {dataset.name} and {other.name} are one dataset.")
    names = names_of(dataset).datasets
    rows = Edge.objects.filter(src__container__in=names, rel=Relation.SAME_VERSION).select_related("src")
    joined = {edge.src_id: edge.src.urn for edge in rows}
    require_independence(actor, sorted(joined.values()), Action.LINEAGE_NAMES_SEPARATED)
    decision = SeparatedDatasets.objects.create(dataset=dataset, other=other, reason=text, separated_by=actor.name)
    join_all_versions(actor=actor, datasets=names, reason=text)
    _note(actor, sorted(joined))
    record(
        actor=actor,
        action=Action.LINEAGE_NAMES_SEPARATED,
        obj=dataset.urn,
        after={"other": other.name, "dataset": other.urn},
        reason=text,
    )
    return decision


def _note(actor: Actor, nodes: Sequence[int]) -> None:
    subjects = [node_subject(pk) for pk in nodes]
    note_writers(actor=actor, subjects=subjects, kind=Evidence.EDGE_RETRACTED, detail="another name of the data")


def _dataset(actor: Actor, urn: str) -> Node:
    """Return a dataset that the actor may see. Raises NotFound, InvalidInput (a node of another kind)."""
    node = find_visible(actor, urn)
    if node.kind != NodeKind.DATASET:
        raise InvalidInput(f"{urn[:200]!r} is no dataset. Name one like 'dataset:orders'.")
    return node
