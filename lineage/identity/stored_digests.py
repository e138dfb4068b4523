"""The digests of a dataset version, stored on its node."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from django.db.models import Q

from lineage.identity.described import described_digests
from lineage.identity.names import digest_hex, is_full_digest
from lineage.models import Claim, Node


def store_own_digest(node: Node, digest: str) -> None:
    """Store the digest of a version that is named by it."""
    if node.digest != digest:
        node.digest = digest
        node.save(update_fields=["digest"])


def store_digests(container: Node, versions: set[str], nodes: Mapping[str, Node], *, logged: Collection[str]) -> None:
    """Store on each version the digests that runs and documents give it.

    The first in order is the digest of the node, the others are in its attributes. ``logged`` are texts that runs
    logged as digests.
    """
    own_versions = sorted(version for version in versions if version in nodes)
    digests: dict[str, set[str]] = defaultdict(set)
    rows = Claim.objects.filter(Q(bound__in=own_versions) | Q(bound="", digest__in=own_versions), container=container)
    for digest, bound in rows.exclude(digest="").values_list("digest", "bound").distinct().order_by():
        digests[bound or digest].add(digest)
    for version, described in described_digests(container, own_versions).items():
        digests[version] |= described
    for version in own_versions:
        own_digest = {version} if version in logged else set()  # a node that is named by its digest
        first, *others = _contents(digests[version] | own_digest) or [""]
        node = nodes[version]
        attrs = {key: value for key, value in node.attrs.items() if key != "other_digests"}
        attrs |= {"other_digests": others} if others else {}
        if (node.digest, node.attrs) != (first, attrs):
            node.digest, node.attrs = first, attrs
            node.save(update_fields=["digest", "attrs"])


def _contents(digests: Iterable[str]) -> list[str]:
    """Return digests in order, without a second spelling of the same one (`sha256:…`)."""
    by_content: dict[str, str] = {}
    for digest in sorted(digests):
        by_content.setdefault(digest_hex(digest) if is_full_digest(digest) else digest, digest)
    return list(by_content.values())
