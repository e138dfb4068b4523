"""Contents of dataset versions that documents state, as runs state them by what they log."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from lineage.identity.names import digest_hex, is_full_digest
from lineage.identity.nodes import member_spec
from lineage.models import DatasetDescription, Node

_SHA256 = "sha256:"


def digest_spellings(digest: str) -> set[str]:
    """Return the texts by which runs may log a SHA-256; none for ""."""
    return {digest, _SHA256 + digest} if digest else set()


def described_versions(container: Node, digests: Iterable[str]) -> dict[str, set[str]]:
    """Return the versions that documents give to each digest of a dataset, and no version where they name none.

    Digests that no document states are left out. One query, none where no digest is a whole one.
    """
    spellings: dict[str, set[str]] = {}
    for text in digests:
        if is_full_digest(text):
            spellings.setdefault(digest_hex(text), set()).add(text)
    versions: dict[str, set[str]] = {}
    rows = DatasetDescription.objects.filter(dataset=container, digest__in=sorted(spellings))
    for digest, version in set(rows.values_list("digest", "version")) if spellings else ():
        for text in spellings[digest]:
            versions.setdefault(text, set()).update({version} - {""})
    return versions


def described_digests(container: Node, versions: Collection[str]) -> dict[str, set[str]]:
    """Return the digests that documents state for each version of a dataset, which a digest may name. One query."""
    rows = DatasetDescription.objects.filter(dataset=container).exclude(digest="")
    named = rows.filter(version__in=versions) | rows.filter(version="", digest__in=versions)
    digests: dict[str, set[str]] = {}
    for digest, version in set(named.values_list("digest", "version")) if versions else ():
        digests.setdefault(version or digest, set()).add(digest)
    return digests


def versions_with_contents(digest: str) -> set[int]:
    """Return the ids of the versions of all datasets that documents describe as having a SHA-256. Two queries."""
    rows = DatasetDescription.objects.filter(digest=digest_hex(digest)).select_related("dataset")
    urns = {member_spec(row.dataset, row.version or row.digest).urn for row in rows}
    nodes = Node.objects.filter(urn__in=urns).values_list("pk", "alias_of_id") if urns else ()
    return {alias_of or pk for pk, alias_of in nodes}
