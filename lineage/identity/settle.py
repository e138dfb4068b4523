"""The node of each claim of a run, derived from all claims on one dataset or repository.

A claim on a dataset: where runs bind a digest to exactly one version, the digest means that version for every run, also
where it is given as a version (`orders@401fcb51`); otherwise it is a version of its own, named by the digest. A run
binds its version to its one input of that dataset, or to the one that it trained on. A claim on a repository: a short
commit means the one longer commit that begins with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Q
from django.utils import timezone

from core.actors import Actor
from lineage.identity.bindings import bind, rebind, resolved, versions_of_digests
from lineage.identity.contents import join_contents
from lineage.identity.described import digest_spellings
from lineage.identity.moves import move_claims, move_edges, put_edges, retract_all
from lineage.identity.names import UNVERSIONED, is_full_digest
from lineage.identity.nodes import ensure_own_nodes, member_spec
from lineage.identity.same_datasets import join_versions
from lineage.identity.stored_digests import store_digests, store_own_digest
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
    unbound = {(claim.digest, claim.bound) for claim in deleted if claim.bound} | bind(container, own)
    rebound, changed = rebind(run, container, digests)
    unbound |= changed
    others = list(dict.fromkeys([*rebound, *_others(run, container, {digest for digest, _ in unbound})]))
    _derive(actor, container, _Change(own, others, deleted, unbound), reason)


def settle_description(
    *, actor: Actor, container: Node, version: str, digest: str, before: Mapping[str, set[str]]
) -> Node:
    """Derive the nodes of the claims that a new description of a dataset version concerns; return the version's node.

    ``version`` is "" where the digest names it. ``before`` has the versions that the digest had.
    """
    texts = digest_spellings(digest)
    rebound, unbound = rebind(None, container, texts)
    unbound |= {(text, old) for text, versions in before.items() for old in versions - {version}}
    others = list(dict.fromkeys([*rebound, *_others(None, container, {*texts, *(text for text, _ in unbound)})]))
    change = _Change(
        (), others, (), unbound, described=version or digest, has_version=bool(version), texts=frozenset(texts)
    )
    nodes = _derive(actor, container, change, "a document describes the contents")
    return nodes[version or resolved(digest, versions_of_digests(container, [digest]).get(digest, set()))]


@dataclass(frozen=True, slots=True)
class _Change:
    """The claims of a run on a dataset, and of others that depend on them; ``unbound`` are digests with old versions.

    ``described`` is the version that a document describes, its digest without ``has_version``; ``texts`` are the
    spellings of the digest.
    """

    own: Sequence[Claim]
    others: Sequence[Claim]
    deleted: Sequence[Claim]
    unbound: set[tuple[str, str]]
    described: str = ""
    has_version: bool = False
    texts: frozenset[str] = frozenset()


def _derive(actor: Actor, container: Node, change: _Change, reason: str) -> dict[str, Node]:
    """Derive the node of each claim of a change, and the digests, aliases and equal contents that follow.

    Return the nodes of the versions that were derived, by version.
    """
    own, others, deleted = change.own, change.others, change.deleted
    texts = {claim.digest or claim.version for claim in [*own, *others, *deleted]} | change.texts
    versions = versions_of_digests(container, texts)
    named = sorted(versions.keys() | _named_digests([*own, *deleted]))
    reads = any(claim.digest for claim in own)
    version_of_claim = {claim: _version(claim, versions, reads=reads) for claim in [*own, *others]}
    described = {change.described} - {""}
    if not change.has_version:
        described = {resolved(text, versions.get(text, set())) for text in described}
    claimed = {version for version in version_of_claim.values() if version} | described
    resolved_digests = {resolved(digest, bound) for digest, bound in versions.items() if bound}
    nodes = _members(container, claimed | resolved_digests)
    targets = {claim: nodes[version] if version else None for claim, version in version_of_claim.items()}
    stored = {*version_of_claim.values(), *resolved_digests, *described, *(claim.bound for claim in deleted)}
    store_digests(container, stored, nodes, logged=versions.keys())
    move_claims(
        actor=actor, targets=targets, deleted=deleted, reason=reason or f"identified with a version of {container.name}"
    )
    _mark_aliases(actor, container, named, versions, nodes)
    _keep_quarantined(actor, container, change.unbound)
    join_contents(actor=actor, container=container, digests=named)
    names = {*named, *stored, *(claim.version for claim in deleted)}
    join_versions(actor=actor, versions=[(container, name) for name in names if name])
    return nodes


def _others(run: Node | None, container: Node, digests: Iterable[str]) -> list[Claim]:
    """Return the claims of other runs on these bytes that give no version, or the digest as the version."""
    rebound = list(digests)
    if not rebound:
        return []
    by_digest = Q(digest__in=rebound, bound="") | Q(digest="", version__in=rebound)
    return list(Claim.objects.filter(by_digest, container=container).exclude(run=run).order_by("pk"))


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
