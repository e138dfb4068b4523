"""The refusal to release a quarantine, for people whose own work descends from the quarantined data."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from django.db.models import Q

from accounts.owners import owners_of
from approvals.case.account_doubts import doubt_now
from approvals.case.origins import authors_of
from core.actors import Actor, ActorKind
from core.ids import row_id
from core.refs import run_ref
from lineage.graph.reads import NodeRow
from lineage.models import Node, NodeKind
from lineage.queries import descendants_of_kinds
from registry.models import ModelVersion, PayloadOrigin
from registry.payload_queries import origins_of
from tracking.models import Run, RunWriter


def own_data_refusal(actor: Actor, node: Node) -> str:
    """Return the reason why the actor may not release the quarantine of a dataset version; "" if they may.

    They may not if they created or logged to a run that descends from the dataset version, if they are an author of a
    model version that descends from it or has the same bytes as one that does, or if such a person made or changed
    their account lately. The owners of a service account may not if the account may not. A fixed number of queries.
    """
    if actor.kind is ActorKind.SYSTEM:
        return ""
    nodes = descendants_of_kinds(node, {NodeKind.RUN, NodeKind.MODEL_VERSION})
    run_ids = [row.urn.removeprefix(run_ref("")) for row in nodes if row.kind == NodeKind.RUN]
    makers = _makers_of_runs(run_ids)
    makers |= _makers_of_versions((row for row in nodes if row.kind == NodeKind.MODEL_VERSION), run_ids)
    makers = makers.union(*owners_of(makers).values())
    if actor.name not in makers:
        doubt = doubt_now(actor.name, makers)
        return f"{actor.name} cannot decide on the quarantine: {doubt}." if doubt else ""
    return f"{actor.name} trained or registered models on {node.name} {node.version}: somebody else must decide on the quarantine."


def _makers_of_runs(run_ids: Collection[str]) -> set[str]:
    creators = Run.objects.filter(pk__in=run_ids).values_list("created_by", flat=True).distinct()
    return {*creators, *RunWriter.objects.filter(run__in=run_ids).values_list("name", flat=True).distinct()} - {""}


def _makers_of_versions(nodes: Iterable[NodeRow], run_ids: Collection[str]) -> set[str]:
    """Return the authors of these versions, of versions with the same bytes, and of those whose bytes the runs had."""
    keys = {(node.name, number) for node in nodes if (number := row_id(node.version))}
    rows = ModelVersion.objects.filter(model__name__in={name for name, _ in keys}).select_related("model")
    versions = {row.pk: row for row in rows if (row.model.name, row.version) in keys}
    payloads = {row.payload_digest for row in versions.values()} - {""}
    from_runs = PayloadOrigin.objects.filter(kind=PayloadOrigin.RUN, name__in=run_ids).values("version")
    same_bytes = ModelVersion.objects.filter(Q(payload_digest__in=payloads) | Q(pk__in=from_runs))
    versions |= {row.pk: row for row in same_bytes}
    authors = authors_of(versions.values(), origins_of(versions))
    return {name for names in authors.values() for name in names}
