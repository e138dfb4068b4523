"""Quarantine: a dataset version found to be bad. It is marked, with a reason; what descends from it is not promoted.

The graph keeps the mark; what follows from it (a check that fails, a finding on what is live) is the matter of higher layers.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from audit.actions import Action
from audit.services import record
from core.actors import Actor, ActorKind
from core.errors import Conflict, Denied, InvalidInput
from lineage.models import Node, NodeKind, Quarantine
from lineage.queries import find_node
from lineage.statements import walk_ids, walk_pairs

# Who may place a quarantine (a service account too: a data quality job), and who may release one (people only).
KEEPERS = ("operators", "reviewers")
MAX_REASON = 1000
# How many ancestors of one node are looked at, and how many of all nodes of a question together before each is asked alone.
MAX_ANCESTORS = 10_000
_MAX_TOGETHER = 100_000


@transaction.atomic
def place_quarantine(*, actor: Actor, urn: str, reason: str) -> Quarantine:
    """Quarantine a dataset version. NotFound; InvalidInput: other kind of node, no reason; Conflict: in quarantine.

    Denied to all but members of ``KEEPERS`` and superusers.
    """
    node = _dataset_version(urn)
    said = _reason(reason)
    _require_keeper(actor, Action.LINEAGE_QUARANTINE_PLACED, urn, people_only=False)
    Node.objects.select_for_update(no_key=True, of=("self",)).get(pk=node.pk)
    if Quarantine.objects.filter(node=node, released_at__isnull=True).exists():
        raise Conflict(f"{node.name} {node.version} is quarantined already.")
    placed = Quarantine.objects.create(node=node, reason=said, placed_by=actor.name)
    record(
        actor=actor,
        action=Action.LINEAGE_QUARANTINE_PLACED,
        obj=urn,
        after={"quarantine": placed.pk, "dataset": node.name, "version": node.version},
        reason=said,
    )
    return placed


@transaction.atomic
def release_quarantine(*, actor: Actor, urn: str, reason: str) -> Quarantine:
    """End a dataset version's quarantine. NotFound; InvalidInput: no reason; Conflict: not in quarantine; Denied."""
    node = _dataset_version(urn)
    said = _reason(reason)
    _require_keeper(actor, Action.LINEAGE_QUARANTINE_RELEASED, urn, people_only=True)
    row = Quarantine.objects.select_for_update(of=("self",)).filter(node=node, released_at__isnull=True).first()
    if row is None:
        raise Conflict(f"{node.name} {node.version} is not quarantined.")
    row.released_by, row.released_at, row.release_reason = actor.name, timezone.now(), said
    row.save(update_fields=["released_by", "released_at", "release_reason"])
    record(
        actor=actor,
        action=Action.LINEAGE_QUARANTINE_RELEASED,
        obj=urn,
        before={"quarantine": row.pk, "placed_by": row.placed_by},
        reason=said,
    )
    return row


def may_keep(actor: Actor, *, people_only: bool) -> bool:
    """Return whether the actor may place quarantines, or (``people_only``) release them."""
    if actor.kind is ActorKind.SYSTEM or (actor.kind is ActorKind.USER and actor.is_superuser):
        return True
    kinds = {ActorKind.USER} if people_only else {ActorKind.USER, ActorKind.SERVICE}
    if actor.kind not in kinds or actor.user_id is None:
        return False
    return Group.objects.filter(name__in=KEEPERS, user__pk=actor.user_id).exists()


def standing() -> QuerySet[Quarantine]:
    """Return the quarantines in force, newest first, with their nodes."""
    return Quarantine.objects.filter(released_at__isnull=True).select_related("node").order_by("-placed_at", "-pk")


def quarantines_of(node: Node) -> list[Quarantine]:
    """Return every quarantine a node ever had, newest first."""
    return list(Quarantine.objects.filter(node=node).order_by("-placed_at", "-pk"))


@dataclass(frozen=True, slots=True)
class Taint:
    """What is quarantined among the ancestors of a node (itself included). ``complete`` is False where not all were seen."""

    quarantines: tuple[Quarantine, ...] = ()
    complete: bool = True


def taint_of(urn: str) -> Taint:
    """Return what is quarantined among the ancestors of one node."""
    return taints([urn])[urn]


def taints(urns: Sequence[str]) -> dict[str, Taint]:
    """Return what is quarantined among the ancestors of each node.

    One query where nothing is quarantined; three more where something is, however many nodes are asked about. A node that
    the graph does not know, or with more than MAX_ANCESTORS ancestors, is not complete.
    """
    stands = {row.node_id: row for row in standing()}
    if not stands:
        return dict.fromkeys(urns, Taint())
    ids = dict(Node.objects.filter(urn__in=set(urns)).values_list("urn", "pk"))
    above = _ancestors(sorted(set(ids.values())))
    return {urn: _taint(above.get(ids[urn]) if urn in ids else None, stands) for urn in urns}


def _taint(above: Iterable[int] | None, stands: Mapping[int, Quarantine]) -> Taint:
    if above is None:
        return Taint(complete=False)
    seen = list(above)
    found = sorted({pk for pk in seen if pk in stands})
    return Taint(tuple(stands[pk] for pk in found), complete=len(seen) <= MAX_ANCESTORS)


def _ancestors(starts: Sequence[int]) -> dict[int, list[int]]:
    """Return the ancestors of each start, themselves included, up to one more than MAX_ANCESTORS."""
    together = walk_pairs(starts, limit=_MAX_TOGETHER + 1)
    if len(together) > _MAX_TOGETHER:  # one of them is huge: each answer must not depend on who else is asked about
        return {start: walk_ids([start], "up", limit=MAX_ANCESTORS + 1) for start in starts}
    found: dict[int, list[int]] = defaultdict(list)
    count: Counter[int] = Counter()
    for root, pk in together:
        if count[root] <= MAX_ANCESTORS:
            found[root].append(pk)
            count[root] += 1
    return found


def _dataset_version(urn: str) -> Node:
    node = find_node(urn)
    if node.kind != NodeKind.DATASET_VERSION:
        raise InvalidInput(f"Only a version of a dataset can be quarantined, and {urn[:200]!r} is none.")
    return node


def _reason(text: str) -> str:
    said = text.strip()
    if not said or "\x00" in said:
        raise InvalidInput("Say why: whoever is stopped by this reads it.")
    if len(said) > MAX_REASON:
        raise InvalidInput(f"The reason may have at most {MAX_REASON} characters.")
    return said


def _require_keeper(actor: Actor, action: Action, urn: str, *, people_only: bool) -> None:
    if not may_keep(actor, people_only=people_only):
        who = f"a {'person' if people_only else 'member'} of {' or '.join(KEEPERS)}"
        raise Denied(f"Only {who}, or a superuser, may do this.", action=action, obj=urn)
