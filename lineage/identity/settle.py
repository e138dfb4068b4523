"""The node of each claim of a run, derived from all claims on one dataset or repository.

A claim on a dataset: where runs bind a digest to exactly one version, the digest means that version for every run, also
where it is given as a version (`orders@401fcb51`); otherwise it is a version of its own, named by the digest. A run
binds its version to its one input of that dataset, or to the one that it trained on. A claim on a repository: a short
commit means the one longer commit that begins with it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from django.db.models import Q
from django.utils import timezone

from core.actors import Actor
from lineage.identity.contents import join_contents
from lineage.identity.moves import move_claims, move_edges, put_edges, retract_all
from lineage.identity.names import UNVERSIONED, is_full_digest
from lineage.identity.nodes import ensure_own_nodes, member_spec
from lineage.identity.same_datasets import join_versions
from lineage.models import Claim, Edge, Node, NodeKind, Quarantine, Relation
from lineage.withdrawn import TAG_CHANGED

_SHORTEST_COMMIT = 4


def settle(*, actor: Actor, run: Node, container: Node, deleted: Sequence[Claim] = (), reason: str = "") -> None:
    """Derive the node of each claim of a run on a container, and of the claims of other runs that depend on them.

    ``deleted`` are claims of the run that were just deleted. ``reason`` is stored with the retracted edges.
    """
    if container.kind == NodeKind.DATASET:
        _settle_dataset(actor, run, container, deleted, reason)
    else:
        _settle_commits(actor, container, run, deleted, reason)


def _settle_dataset(actor: Actor, run: Node, container: Node, deleted: Sequence[Claim], reason: str) -> None:
    own = list(Claim.objects.filter(run=run, container=container).order_by("pk"))
    digests = {claim.digest for claim in own if claim.digest}
    unbound = {(claim.digest, claim.bound) for claim in deleted if claim.bound} | _bind(container, own)
    rebound, changed = _rebind(run, container, digests)
    unbound |= changed
    others = list(dict.fromkeys([*rebound, *_others(run, container, {digest for digest, _ in unbound})]))
    texts = {claim.digest or claim.version for claim in [*own, *others, *deleted]}
    versions = versions_of_digests(container, texts)
    named = sorted(versions.keys() | _named_digests([*own, *deleted]))
    reads = bool(digests)
    version_of_claim = {claim: _version(claim, versions, reads=reads) for claim in [*own, *others]}
    claimed = {version for version in version_of_claim.values() if version}
    resolved_digests = {resolved(digest, bound) for digest, bound in versions.items() if bound}
    nodes = _members(container, claimed | resolved_digests)
    targets = {claim: nodes[version] if version else None for claim, version in version_of_claim.items()}
    stored = {*version_of_claim.values(), *resolved_digests, *(claim.bound for claim in deleted)}
    _store_digests(container, stored, nodes, logged=versions.keys())
    move_claims(
        actor=actor, targets=targets, deleted=deleted, reason=reason or f"identified with a version of {container.name}"
    )
    _mark_aliases(actor, container, named, versions, nodes)
    _keep_quarantined(actor, container, unbound)
    join_contents(actor=actor, container=container, digests=named)
    texts = {*named, *stored, *(claim.version for claim in deleted)}
    join_versions(actor=actor, versions=[(container, text) for text in texts if text])


def _bind(container: Node, own: Sequence[Claim]) -> set[tuple[str, str]]:
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


def _rebind(run: Node, container: Node, digests: set[str]) -> tuple[list[Claim], set[tuple[str, str]]]:
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
        changed |= _bind(container, claims)
    return [claim for claims in claims_of_run.values() for claim in claims if claim.digest], changed


def _others(run: Node, container: Node, digests: Iterable[str]) -> list[Claim]:
    """Return the claims of other runs on these bytes that give no version, or the digest as the version."""
    rebound = list(digests)
    if not rebound:
        return []
    by_digest = Q(digest__in=rebound, bound="") | Q(digest="", version__in=rebound)
    return list(Claim.objects.filter(by_digest, container=container).exclude(run=run).order_by("pk"))


def versions_of_digests(container: Node, digests: Collection[str]) -> dict[str, set[str]]:
    """Return the versions that runs give to each digest of a dataset, without texts that no run logged as a digest."""
    versions: dict[str, set[str]] = {}
    logged = sorted(set(digests) - {""})
    if not logged:
        return versions
    rows = Claim.objects.filter(container=container, digest__in=logged)
    for digest, version in rows.values_list("digest", "bound").distinct().order_by():
        versions.setdefault(digest, set()).update({version} - {""})
    return versions


def _named_digests(claims: Iterable[Claim]) -> set[str]:
    """Return the digests of claims, also full digests that are given as versions."""
    return {claim.digest for claim in claims if claim.digest} | {
        claim.version for claim in claims if not claim.digest and is_full_digest(claim.version)
    }


def _version(claim: Claim, versions: Mapping[str, set[str]], *, reads: bool) -> str:
    """Return the version that a claim means; "" for an unversioned one where the run also logged a digest."""
    if not claim.digest and claim.version == UNVERSIONED and reads:
        return ""
    digest = claim.digest or claim.version
    return claim.bound or resolved(digest, versions.get(digest, set()))


def resolved(digest: str, versions: set[str]) -> str:
    """Return the version that runs give to a digest; the digest itself where they give none, or several."""
    return next(iter(versions)) if len(versions) == 1 else digest


def _members(container: Node, versions: set[str]) -> dict[str, Node]:
    """Return the node of each version. None of them is an alias any more."""
    ordered = sorted(versions)
    specs = [member_spec(container, version) for version in ordered]
    nodes = dict(zip(ordered, ensure_own_nodes(*specs), strict=True))
    aliases = [node.pk for node in nodes.values() if node.alias_of_id is not None]
    if aliases:
        Node.objects.filter(pk__in=aliases).update(alias_of=None)
        for node in nodes.values():
            node.alias_of = None
    return nodes


def _mark_aliases(
    actor: Actor, container: Node, digests: Sequence[str], versions: Mapping[str, set[str]], nodes: Mapping[str, Node]
) -> None:
    """Make the node of each digest an alias of the one version that runs give to the digest.

    A node that an output or a declared edge names stays a node of its own: equal bytes join it with that version.
    """
    urns = {member_spec(container, digest).urn: digest for digest in digests}
    targets: list[tuple[Node, Node]] = []
    for row in Node.objects.filter(urn__in=list(urns)):
        digest = urns[row.urn]
        target = nodes.get(resolved(digest, versions.get(digest, set())))
        if target is not None:
            targets.append((row, target))
    used = _used_otherwise([row.pk for row, target in targets if row.pk != target.pk])
    for row, target in targets:
        mark_alias(actor, row, row if row.pk in used else target)
        if row.pk in used:
            store_own_digest(row, urns[row.urn])


def store_own_digest(node: Node, digest: str) -> None:
    """Store the digest of a version that is named by it."""
    if node.digest != digest:
        node.digest = digest
        node.save(update_fields=["digest"])


def _used_otherwise(nodes: Sequence[int]) -> set[int]:
    """Return which of the nodes have edges. Called after the edges that follow from claims were moved away."""
    if not nodes:
        return set()
    derived = [Relation.SAME_BYTES, Relation.SAME_VERSION, Relation.INHERITED]
    edges = Edge.objects.filter(Q(src__in=nodes) | Q(dst__in=nodes)).exclude(rel__in=derived)
    return {pk for pair in edges.values_list("src_id", "dst_id") for pk in pair} & set(nodes)


def mark_alias(actor: Actor, alias: Node, target: Node) -> None:
    """Make one node an alias of ``target``, which gets its edges. Where both are the same node, it is no alias."""
    target_id = None if target.pk == alias.pk else target.pk
    if alias.alias_of_id == target_id:
        return
    Node.objects.filter(pk=alias.pk).update(alias_of_id=target_id)
    if target_id is not None:
        move_edges(actor=actor, old=alias.pk, new=target_id, reason=f"another name of {target.name} {target.version}")


def _keep_quarantined(actor: Actor, container: Node, unbound: set[tuple[str, str]]) -> None:
    """Let the quarantine of a version reach the bytes that a run no longer calls by that version.

    The edge between the two is withdrawn at once: it is not in the graph, but a quarantine follows it.
    """
    urn_of = {pair: [member_spec(container, text).urn for text in pair] for pair in unbound if pair[1]}
    if not urn_of:
        return
    rows = Node.objects.select_related("alias_of").filter(urn__in={urn for urns in urn_of.values() for urn in urns})
    nodes = {row.urn: row.alias_of or row for row in rows}
    pairs = [(nodes.get(version), nodes.get(digest)) for digest, version in urn_of.values()]
    moved = {(src.pk, dst.pk) for src, dst in pairs if src and dst and src.pk != dst.pk}
    quarantined = Quarantine.objects.filter(node__in={src for src, _ in moved}, released_at__isnull=True)
    bad = set(quarantined.values_list("node_id", flat=True)) if moved else set()
    keys = {(src, dst, Relation.SAME_BYTES.value, ""): timezone.now() for src, dst in moved if src in bad}
    retract_all(actor=actor, edge_ids=put_edges(keys).values(), reason=TAG_CHANGED)


def _store_digests(container: Node, versions: set[str], nodes: Mapping[str, Node], *, logged: Collection[str]) -> None:
    """Store on each version the digests that runs bind to it: the first in order, the others in its attributes.

    ``logged`` are texts that runs logged as digests.
    """
    own_versions = sorted(version for version in versions if version in nodes)
    digests: dict[str, set[str]] = defaultdict(set)
    rows = Claim.objects.filter(Q(bound__in=own_versions) | Q(bound="", digest__in=own_versions), container=container)
    for digest, bound in rows.exclude(digest="").values_list("digest", "bound").distinct().order_by():
        digests[bound or digest].add(digest)
    for version in own_versions:
        own_digest = {version} if version in logged else set()  # a node that is named by its digest
        first, *others = sorted(digests[version] | own_digest) or [""]
        node = nodes[version]
        attrs = {key: value for key, value in node.attrs.items() if key != "other_digests"}
        attrs |= {"other_digests": others} if others else {}
        if (node.digest, node.attrs) != (first, attrs):
            node.digest, node.attrs = first, attrs
            node.save(update_fields=["digest", "attrs"])


def _settle_commits(actor: Actor, container: Node, run: Node, deleted: Sequence[Claim], reason: str) -> None:
    own = Claim.objects.filter(run=run, container=container, rel=Relation.USED_CODE)
    commits = {*own.values_list("version", flat=True), *(claim.version for claim in deleted)}
    settle_commits(actor=actor, container=container, commits=commits, deleted=deleted, reason=reason)


def settle_commits(
    *, actor: Actor, container: Node, commits: set[str], deleted: Sequence[Claim] = (), reason: str = ""
) -> None:
    """Identify each short commit with the longer commit of the repository that begins with it, where there is just one.

    Only claims that do not name the right node yet are read, because thousands of runs may have used a commit.
    """
    shorter = {commit[:end] for commit in commits for end in range(_SHORTEST_COMMIT, len(commit))}
    rows = Claim.objects.filter(container=container, version__in=sorted(shorter | commits), rel=Relation.USED_CODE)
    versions = rows.values_list("version", flat=True).order_by().distinct()
    whole = {commit: _whole(container, commit) for commit in sorted(versions)}
    nodes = _members(container, set(whole.values()))
    right = Q(pk__in=[])
    for commit, target in whole.items():
        right |= Q(version=commit, node=nodes[target])
    affected = rows.filter(~right | Q(node=None)).order_by("pk")
    targets: dict[Claim, Node | None] = {claim: nodes[whole[claim.version]] for claim in affected}
    move_claims(actor=actor, targets=targets, deleted=deleted, reason=reason or "identified with the whole commit")
    urns = {member_spec(container, commit).urn: target for commit, target in whole.items()}
    for row in Node.objects.filter(urn__in=list(urns)):
        mark_alias(actor, row, nodes[urns[row.urn]])


def _whole(container: Node, commit: str) -> str:
    """Return the longest commit that begins with this one; the commit itself where several do not agree."""
    if len(commit) < _SHORTEST_COMMIT:
        return commit
    rows = Claim.objects.filter(container=container, version__startswith=commit, rel=Relation.USED_CODE)
    versions = sorted(set(rows.values_list("version", flat=True).order_by()))
    longest = [
        version for version in versions if not any(other != version and other.startswith(version) for other in versions)
    ]
    return longest[0] if len(longest) == 1 else commit
