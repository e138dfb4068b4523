"""Claims of runs about their inputs. They are stored, and the edges of the graph are derived from all of them.

An edge must not depend on the order in which runs logged. So `settle` derives what each claim means from all claims on
the same dataset or repository, whenever one of them changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.actors import Actor
from lineage.identity.inheritance import update_inheritance
from lineage.identity.locks import lock_contents
from lineage.identity.nodes import Spec, ensure_nodes
from lineage.identity.settle import settle
from lineage.models import Assertion, Claim, Node, NodeKind, Relation

_SHORT_COMMIT = 7


@dataclass(frozen=True, slots=True)
class ClaimedInput:
    """One input as a run names it: the dataset or repository, the version, the digest and the role."""

    container: Spec
    version: str = ""
    digest: str = ""
    role: str = ""


@dataclass(frozen=True, slots=True)
class Witness:
    """The witness of a claim: the mode (observed, imported), the source, and the part of the run (``origin``)."""

    mode: str
    source: str
    origin: str


def add_claims(
    *, actor: Actor, subject: Spec, rel: Relation, claimed: Sequence[ClaimedInput], witness: Witness
) -> Node:
    """Add claims to those that a run or an evaluation made before, and return its node.

    A repeated claim changes nothing.
    """
    return _change(actor, subject, rel, claimed, witness, replace=False, reason="")


def replace_claims(
    *, actor: Actor, subject: Spec, rel: Relation, claimed: Sequence[ClaimedInput], witness: Witness, reason: str
) -> Node:
    """Replace the claims that a part of a run made (``witness.origin``), and return the node of the run.

    Edges that nobody claims any more are retracted.
    """
    return _change(actor, subject, rel, claimed, witness, replace=True, reason=reason)


def _change(
    actor: Actor,
    subject: Spec,
    rel: Relation,
    claimed: Sequence[ClaimedInput],
    witness: Witness,
    *,
    replace: bool,
    reason: str,
) -> Node:
    containers = {item.container.urn: item.container for item in claimed}
    run, *datasets = ensure_nodes(subject, *containers.values())
    nodes = dict(zip(containers, datasets, strict=True))
    stored = list(Claim.objects.filter(run=run, rel=rel, origin=witness.origin).select_related("container"))
    by_key = {_key(nodes[item.container.urn].pk, item): item for item in claimed}
    new = {key: item for key, item in by_key.items() if key not in {_key_of(claim) for claim in stored}}
    withdrawn = [claim for claim in stored if _key_of(claim) not in by_key] if replace else []
    if not new and not withdrawn:
        return run
    touched = {node.pk: node for node in [*nodes.values(), *(claim.container for claim in withdrawn)]}
    lock_contents(touched.values(), _contents(run, touched.values(), [*new.values(), *withdrawn]))
    deleted = _forget(withdrawn)
    _insert(actor, run, rel, [(nodes[item.container.urn], item) for item in new.values()], witness)
    for pk in sorted(touched):
        settle(actor=actor, run=run, container=touched[pk], deleted=deleted.get(pk, ()), reason=reason)
    if run.kind == NodeKind.RUN:
        update_inheritance(actor=actor, run=run, reason=reason)
    return run


def _contents(run: Node, containers: Iterable[Node], changed: Sequence[ClaimedInput | Claim]) -> set[str]:
    """Return the keys to lock: the digests and versions of the changed claims, and the beginnings of commits.

    A version may be a digest. A changed version can give a version to every digest of the run, so then all of these are
    locked too.
    """
    digests = {item.digest or item.version for item in changed}
    commits = {item.version[:_SHORT_COMMIT] for item in changed if not item.digest}
    stored = Claim.objects.filter(run=run, container__in=[node.pk for node in containers]).exclude(digest="")
    return digests | commits | (set(stored.values_list("digest", flat=True)) if commits else set())


def _forget(withdrawn: Iterable[Claim]) -> dict[int, list[Claim]]:
    """Delete claims and return them by container."""
    deleted: dict[int, list[Claim]] = {}
    for claim in withdrawn:
        deleted.setdefault(claim.container_id, []).append(claim)
    ids = [claim.pk for claims in deleted.values() for claim in claims]
    if ids:
        Claim.objects.filter(pk__in=ids).delete()
    return deleted


def _insert(actor: Actor, run: Node, rel: Relation, new: Sequence[tuple[Node, ClaimedInput]], witness: Witness) -> None:
    if not new:
        return
    new_assertion = Assertion.objects.create(mode=witness.mode, source=witness.source[:700], actor_ref=actor.ref[:100])
    rows = [
        Claim(
            run=run,
            container=container,
            rel=rel,
            version=item.version,
            digest=item.digest,
            role=item.role[:32],
            origin=witness.origin,
            assertion=new_assertion,
        )
        for container, item in new
    ]
    Claim.objects.bulk_create(rows, ignore_conflicts=True)


def _key(container: int, item: ClaimedInput) -> tuple[int, str, str, str]:
    return container, item.version, item.digest, item.role[:32]


def _key_of(claim: Claim) -> tuple[int, str, str, str]:
    return claim.container_id, claim.version, claim.digest, claim.role
