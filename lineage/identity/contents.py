"""Versions with the same bytes: a content node joins them in both directions, whatever they are called.

Equal digests of at least 128 bits mean equal bytes across datasets. A shorter digest counts within its dataset only.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q
from django.utils import timezone

from core.actors import Actor
from lineage.identity.moves import Key, put_edges, retract_all
from lineage.identity.names import digest_hex, is_full_digest
from lineage.identity.nodes import content_spec, place
from lineage.models import Claim, Edge, Node, NodeKind, Relation


def join_contents(*, actor: Actor, container: Node, digests: Iterable[str]) -> None:
    """Join all versions that have one of these digests; take out those that no longer have it."""
    for digest in sorted(digests):
        whole = is_full_digest(digest)
        key = digest_hex(digest) if whole else digest
        dataset = "" if whole else container.urn.partition(":")[2]
        _join(actor, content_spec(key, dataset).urn, key, dataset, _members(container, digest, whole=whole))


def _members(container: Node, digest: str, *, whole: bool) -> set[int]:
    """Return the dataset versions with a digest: in every dataset, or within one."""
    claims = Claim.objects.filter(node__isnull=False)
    if not whole:
        members = claims.filter(container=container, digest=digest)
        return set(members.values_list("node_id", flat=True).order_by().distinct())
    same = [digest_hex(digest), digest, *(f"{name}:{digest_hex(digest)}" for name in ("sha256", "md5"))]
    nodes = Node.objects.filter(
        Q(digest__in=same) | Q(version__in=same), kind=NodeKind.DATASET_VERSION, alias_of__isnull=True
    )
    members = claims.filter(digest__in=same)
    return {*members.values_list("node_id", flat=True).order_by().distinct(), *nodes.values_list("pk", flat=True)}


def _join(actor: Actor, urn: str, digest: str, dataset: str, members: set[int]) -> None:
    hub = Node.objects.filter(urn=urn).first()
    if hub is None:
        if len(members) < 2:  # noqa: PLR2004 - one version alone has no other
            return
        (hub,) = place(content_spec(digest, dataset))
    edges_needed = _edges(hub.pk, members) if len(members) > 1 else set()
    rows = Edge.objects.filter(Q(src=hub) | Q(dst=hub), rel=Relation.SAME_BYTES)
    held: dict[Key, int] = {
        (src, dst, rel, role): pk
        for pk, src, dst, rel, role in rows.values_list("pk", "src_id", "dst_id", "rel", "role")
    }
    if new := edges_needed - held.keys():
        put_edges(dict.fromkeys(new, timezone.now()))
    if gone := held.keys() - edges_needed:
        retract_all(
            actor=actor, edge_ids=[held[key] for key in gone], reason="the bytes are no longer said to be the same"
        )


def _edges(hub: int, members: set[int]) -> set[Key]:
    rel = Relation.SAME_BYTES.value
    return {(hub, pk, rel, "") for pk in members} | {(pk, hub, rel, "") for pk in members}
