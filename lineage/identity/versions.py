"""The node of a dataset version that is named elsewhere than in the inputs of a run: an output, a declared edge."""

from __future__ import annotations

from collections.abc import Iterable

from core.actors import Actor
from lineage.identity.bindings import resolved, versions_of_digests
from lineage.identity.contents import join_contents
from lineage.identity.names import is_full_digest
from lineage.identity.nodes import ensure_own_nodes, member_spec
from lineage.identity.settle import mark_alias
from lineage.identity.stored_digests import store_own_digest
from lineage.models import Claim, Node


def ensure_version(*, actor: Actor, container: Node, version: str) -> Node:
    """Return the node of a version of a dataset that an edge names; where it is missing, it is created.

    A version that is a digest is a node of its own, joined with the versions that have the digest. An alias for another
    reason is returned itself.
    """
    (node,) = ensure_own_nodes(member_spec(container, version))
    if named_by_digest([(container.pk, version)]):
        mark_alias(actor, node, node)
        node.alias_of = None
        store_own_digest(node, version)
        join_contents(actor=actor, container=container, digests=[version])
    return node


def ensure_meant_version(*, actor: Actor, container: Node, version: str) -> Node:
    """Return the node that a version means as an input: for a digest the version that runs give to it.

    Where it is missing, it is created. An alias is returned itself.
    """
    meant = resolved(version, versions_of_digests(container, [version]).get(version, set()))
    (node,) = ensure_own_nodes(member_spec(container, meant))
    if is_full_digest(version):
        join_contents(actor=actor, container=container, digests=[version])
    return node


def named_by_digest(versions: Iterable[tuple[int, str]]) -> set[tuple[int, str]]:
    """Return those of the versions, each given with the id of its dataset, that are digests. One query.

    A digest is a text that a run logged as a digest of the dataset, or a full digest.
    """
    pairs = set(versions)
    rows = Claim.objects.filter(container__in={pk for pk, _ in pairs}, digest__in={version for _, version in pairs})
    logged = set(rows.values_list("container_id", "digest").order_by().distinct()) if pairs else set()
    return {pair for pair in pairs if pair in logged or is_full_digest(pair[1])}
