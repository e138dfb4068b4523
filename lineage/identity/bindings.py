"""The versions that runs and documents give to digests of a dataset."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

from lineage.identity.described import described_versions
from lineage.identity.names import UNVERSIONED
from lineage.models import Claim, Node


def bind(container: Node, own: Sequence[Claim]) -> set[tuple[str, str]]:
    """Set the version that a run gives to each digest; return the digests whose version changed, with the old version.

    A text that any run logged as a digest is no version to bind a digest to.
    """
    if not any(claim.digest for claim in own):
        return set()
    texts = {claim.version for claim in own} - {"", UNVERSIONED}
    logged = versions_of_digests(container, texts).keys()
    stated = {claim.version for claim in own if not claim.digest} - {"", UNVERSIONED} - logged
    version = next(iter(stated)) if len(stated) == 1 else ""
    inputs = [claim for claim in own if claim.digest and claim.version in {"", version, *logged}]
    digests = {claim.digest for claim in inputs}
    trained = {claim.digest for claim in inputs if claim.role.casefold().startswith("train")}
    chosen = digests if len(digests) == 1 else trained
    bound = next(iter(chosen)) if version and len(chosen) == 1 else ""
    changed, before = [], set()
    for claim in own:
        if not claim.digest:
            continue
        named = "" if claim.version in logged else claim.version
        new_version = named or (version if claim.digest == bound else "")
        if claim.bound != new_version:
            before.add((claim.digest, claim.bound))
            claim.bound = new_version
            changed.append(claim)
    if changed:
        Claim.objects.bulk_update(changed, ["bound"])
    return before


def rebind(run: Node | None, container: Node, digests: set[str]) -> tuple[list[Claim], set[tuple[str, str]]]:
    """Bind the digests of other runs again that give one of these digests as a version: it is none.

    Return their claims with a digest, and the digests whose version changed, with the old version.
    """
    if not digests:
        return [], set()
    rows = Claim.objects.filter(container=container, version__in=sorted(digests)).exclude(run=run)
    claims_of_run: dict[int, list[Claim]] = defaultdict(list)
    for claim in Claim.objects.filter(container=container, run__in=rows.values("run")).order_by("pk"):
        claims_of_run[claim.run_id].append(claim)
    changed: set[tuple[str, str]] = set()
    for claims in claims_of_run.values():
        changed |= bind(container, claims)
    return [claim for claims in claims_of_run.values() for claim in claims if claim.digest], changed


def versions_of_digests(container: Node, digests: Collection[str]) -> dict[str, set[str]]:
    """Return the versions that runs and documents give to each digest of a dataset.

    Texts that no run logged and no document states as a digest are left out.
    """
    logged = sorted(set(digests) - {""})
    if not logged:
        return {}
    versions = described_versions(container, logged)
    rows = Claim.objects.filter(container=container, digest__in=logged)
    for digest, version in rows.values_list("digest", "bound").distinct().order_by():
        versions.setdefault(digest, set()).update({version} - {""})
    return versions


def resolved(digest: str, versions: set[str]) -> str:
    """Return the version that runs give to a digest; the digest itself where they give none, or several."""
    return next(iter(versions)) if len(versions) == 1 else digest
