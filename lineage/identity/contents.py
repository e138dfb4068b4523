"""Versions with the same bytes: a content node joins them in both directions, also across datasets.

Equal digests of at least 128 bits mean equal bytes across datasets. A shorter digest counts within its dataset only.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q
from django.utils import timezone

from core.actors import Actor
from lineage.identity.described import versions_with_contents
from lineage.identity.moves import Key, put_edges, retract_all
from lineage.identity.names import digest_hex, is_full_digest
from lineage.identity.nodes import content_spec, ensure_nodes, member_spec
from lineage.models import Claim, Edge, Node, NodeKind, Relation


def join_contents(*, actor: Actor, container: Node, digests: Iterable[str]) -> None:
    """For each digest, join all versions that have it, and retract the edges of those that no longer have it."""
    for digest in sorted(digests):
        is_full = is_full_digest(digest)
        key = digest_hex(digest) if is_full else digest
        dataset = "" if is_full else container.urn.partition(":")[2]
        _join(actor, content_spec(key, dataset).urn, key, dataset, _members(container, digest, is_full=is_full))


def _members(container: Node, digest: str, *, is_full: bool) -> set[int]:
    """Return the dataset versions with a digest: of every dataset for a full digest, else of this dataset."""
    claims = Claim.objects.filter(node__isnull=False)
    if not is_full:
        members = claims.filter(container=container, digest=digest)
        named = Node.objects.filter(urn=member_spec(container, digest).urn, alias_of__isnull=True)
        return {*members.values_list("node_id", flat=True).order_by().distinct(), *named.values_list("pk", flat=True)}
    same = [digest_hex(digest), digest, *(f"{name}:{digest_hex(digest)}" for name in ("sha256", "md5"))]
    nodes = Node.objects.filter(
        Q(digest__in=same) | Q(version__in=same), kind=NodeKind.DATASET_VERSION, alias_of__isnull=True
    )
    members = claims.filter(digest__in=same)
    return {
        *members.values_list("node_id", flat=True).order_by().distinct(),
        *nodes.values_list("pk", flat=True),
        *versions_with_contents(digest),
    }


def _join(actor: Actor, urn: str, digest: str, dataset: str, members: set[int]) -> None:
    content = Node.objects.filter(urn=urn).first()
    if content is None:
        if len(members) < 2:  # noqa: PLR2004 - one version has no other to join
            return
        (content,) = ensure_nodes(content_spec(digest, dataset))
    edges_needed = _edges(content.pk, members) if len(members) > 1 else set()
    rows = Edge.objects.filter(Q(src=content) | Q(dst=content), rel=Relation.SAME_BYTES)
    existing: dict[Key, int] = {
        (src, dst, rel, role): pk
        for pk, src, dst, rel, role in rows.values_list("pk", "src_id", "dst_id", "rel", "role")
    }
    if new := edges_needed - existing.keys():
        put_edges(dict.fromkeys(new, timezone.now()))
    if outdated := existing.keys() - edges_needed:
        retract_all(
            actor=actor,
            edge_ids=[existing[key] for key in outdated],
            reason="the bytes are no longer said to be the same",
        )


def _edges(content: int, members: set[int]) -> set[Key]:
    rel = Relation.SAME_BYTES.value
    return {(content, pk, rel, "") for pk in members} | {(pk, content, rel, "") for pk in members}
