"""The node of each claim of a run, derived from all claims on one dataset or repository.

A dataset: a digest that some run binds to exactly one version is that version for every run; otherwise it is a version
of its own, named by the digest. A run binds its version to the one input of that dataset, or to the one that it trained
on. A repository: a short commit is the one longer commit that begins with it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from django.db.models import Q

from core.actors import Actor
from lineage.identity.contents import join_contents
from lineage.identity.moves import move_claims, move_edges
from lineage.identity.names import UNVERSIONED
from lineage.identity.nodes import member_spec, place_own
from lineage.models import Claim, Node, NodeKind, Relation

_SHORTEST_COMMIT = 4


def settle(*, actor: Actor, run: Node, container: Node, left: Sequence[Claim] = (), reason: str = "") -> None:
    """Derive the nodes that the claims of a run on a container name, and those of other runs that depend on them.

    ``left`` are claims just deleted; ``reason`` is kept with the edges that are retracted for them.
    """
    if container.kind == NodeKind.DATASET:
        _settle_dataset(actor, run, container, left, reason)
    else:
        _settle_commits(actor, container, run, left, reason)


def _settle_dataset(actor: Actor, run: Node, container: Node, left: Sequence[Claim], reason: str) -> None:
    own = list(Claim.objects.filter(run=run, container=container).order_by("pk"))
    before = {claim.digest for claim in left if claim.bound}
    rebound = _bind(own) | before
    digests = sorted({claim.digest for claim in [*own, *left] if claim.digest})
    others = _others(run, container, rebound)
    versions = _versions(container, digests)
    reads = any(claim.digest for claim in own)
    version_of_claim = {claim: _version(claim, versions, reads=reads) for claim in [*own, *others]}
    named = {version for version in version_of_claim.values() if version}
    nodes = _members(container, named | {resolved(digest, versions[digest]) for digest in digests if versions[digest]})
    targets = {claim: nodes[version] if version else None for claim, version in version_of_claim.items()}
    _keep_digests(container, {*version_of_claim.values(), *(claim.bound for claim in left)}, nodes)
    move_claims(
        actor=actor, targets=targets, left=left, reason=reason or f"identified with a version of {container.name}"
    )
    _mark_aliases(actor, container, digests, versions, nodes)
    join_contents(actor=actor, container=container, digests=digests)


def _bind(own: Sequence[Claim]) -> set[str]:
    """Set the version that a run gives to each digest; return the digests whose version changed."""
    stated = {claim.version for claim in own if not claim.digest and claim.version not in ("", UNVERSIONED)}
    version = next(iter(stated)) if len(stated) == 1 else ""
    inputs = [claim for claim in own if claim.digest and claim.version in ("", version)]
    digests = {claim.digest for claim in inputs}
    trained = {claim.digest for claim in inputs if claim.role.casefold().startswith("train")}
    chosen = digests if len(digests) == 1 else trained
    bound = next(iter(chosen)) if version and len(chosen) == 1 else ""
    changed = []
    for claim in own:
        if not claim.digest:
            continue
        meant = claim.version or (version if claim.digest == bound else "")
        if claim.bound != meant:
            claim.bound = meant
            changed.append(claim)
    if changed:
        Claim.objects.bulk_update(changed, ["bound"])
    return {claim.digest for claim in changed}


def _others(run: Node, container: Node, digests: Iterable[str]) -> list[Claim]:
    """Return the claims of other runs on these bytes that give no version."""
    rows = Claim.objects.filter(container=container, digest__in=list(digests), bound="")
    return list(rows.exclude(run=run).order_by("pk"))


def _versions(container: Node, digests: Sequence[str]) -> dict[str, set[str]]:
    """Return the versions that runs give to each digest."""
    versions: dict[str, set[str]] = defaultdict(set)
    rows = Claim.objects.filter(container=container, digest__in=digests).exclude(bound="")
    for digest, version in rows.values_list("digest", "bound").distinct().order_by():
        versions[digest].add(version)
    return versions


def _version(claim: Claim, versions: Mapping[str, set[str]], *, reads: bool) -> str:
    """Return the version that a claim means; "" for one without a version where the run also logged the data."""
    if not claim.digest:
        return "" if claim.version == UNVERSIONED and reads else claim.version
    return claim.bound or resolved(claim.digest, versions.get(claim.digest, set()))


def resolved(digest: str, versions: set[str]) -> str:
    """Return the one version that bytes have; the digest where runs give none, or several."""
    return next(iter(versions)) if len(versions) == 1 else digest


def _members(container: Node, versions: set[str]) -> dict[str, Node]:
    """Return the node of each version, none of them another name of a different node any more."""
    ordered = sorted(versions)
    specs = [member_spec(container, version) for version in ordered]
    nodes = dict(zip(ordered, place_own(*specs), strict=True))
    named = [node.pk for node in nodes.values() if node.alias_of_id is not None]
    if named:
        Node.objects.filter(pk__in=named).update(alias_of=None)
        for node in nodes.values():
            node.alias_of = None
    return nodes


def _mark_aliases(
    actor: Actor, container: Node, digests: Sequence[str], versions: Mapping[str, set[str]], nodes: Mapping[str, Node]
) -> None:
    """Make the node of a digest an alias of the one version that these bytes have."""
    urns = {member_spec(container, digest).urn: digest for digest in digests}
    for row in Node.objects.filter(urn__in=list(urns)):
        digest = urns[row.urn]
        meant = nodes.get(resolved(digest, versions.get(digest, set())))
        if meant is not None:
            mark_alias(actor, row, meant)


def mark_alias(actor: Actor, row: Node, meant: Node) -> None:
    """Make one node another name of a second one, which gets its edges; a node that is itself has none."""
    target = None if meant.pk == row.pk else meant.pk
    if row.alias_of_id == target:
        return
    Node.objects.filter(pk=row.pk).update(alias_of_id=target)
    if target is not None:
        move_edges(actor=actor, old=row.pk, new=target, reason=f"another name of {meant.name} {meant.version}")


def _keep_digests(container: Node, versions: set[str], nodes: Mapping[str, Node]) -> None:
    """Keep on each version the digests that runs bind to it: the first in order, and the others beside it."""
    own_versions = sorted(version for version in versions if version in nodes)
    digests: dict[str, set[str]] = defaultdict(set)
    rows = Claim.objects.filter(Q(bound__in=own_versions) | Q(bound="", digest__in=own_versions), container=container)
    for digest, bound in rows.exclude(digest="").values_list("digest", "bound").distinct().order_by():
        digests[bound or digest].add(digest)
    for version in own_versions:
        first, *others = sorted(digests[version]) or [""]
        node = nodes[version]
        attrs = {key: value for key, value in node.attrs.items() if key != "other_digests"}
        attrs |= {"other_digests": others} if others else {}
        if (node.digest, node.attrs) != (first, attrs):
            node.digest, node.attrs = first, attrs
            node.save(update_fields=["digest", "attrs"])


def _settle_commits(actor: Actor, container: Node, run: Node, left: Sequence[Claim], reason: str) -> None:
    own = Claim.objects.filter(run=run, container=container, rel=Relation.USED_CODE)
    commits = {*own.values_list("version", flat=True), *(claim.version for claim in left)}
    settle_commits(actor=actor, container=container, commits=commits, left=left, reason=reason)


def settle_commits(
    *, actor: Actor, container: Node, commits: set[str], left: Sequence[Claim] = (), reason: str = ""
) -> None:
    """Identify short commits with the one longer commit of the repository that begins with them, if there is just one.

    Those of the claims are read that do not name the right node yet: a commit may have been used by thousands of runs.
    """
    shorter = {commit[:end] for commit in commits for end in range(_SHORTEST_COMMIT, len(commit))}
    rows = Claim.objects.filter(container=container, version__in=sorted(shorter | commits), rel=Relation.USED_CODE)
    versions = rows.values_list("version", flat=True).order_by().distinct()
    whole = {commit: _whole(container, commit) for commit in sorted(versions)}
    nodes = _members(container, set(whole.values()))
    right = Q(pk__in=[])
    for commit, meant in whole.items():
        right |= Q(version=commit, node=nodes[meant])
    affected = rows.filter(~right | Q(node=None)).order_by("pk")
    targets: dict[Claim, Node | None] = {claim: nodes[whole[claim.version]] for claim in affected}
    move_claims(actor=actor, targets=targets, left=left, reason=reason or "identified with the whole commit")
    urns = {member_spec(container, commit).urn: meant for commit, meant in whole.items()}
    for row in Node.objects.filter(urn__in=list(urns)):
        mark_alias(actor, row, nodes[urns[row.urn]])


def _whole(container: Node, commit: str) -> str:
    """Return the one longest commit that begins with this one; the commit itself where there are several."""
    if len(commit) < _SHORTEST_COMMIT:
        return commit
    rows = Claim.objects.filter(container=container, version__startswith=commit, rel=Relation.USED_CODE)
    versions = sorted(set(rows.values_list("version", flat=True).order_by()))
    longest = [one for one in versions if not any(other != one and other.startswith(one) for other in versions)]
    return longest[0] if len(longest) == 1 else commit
