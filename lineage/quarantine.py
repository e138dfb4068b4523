"""Quarantine: a dataset version found to be bad.

It is marked, with a reason; versions that descend from it cannot be promoted. The consequences (a failing check,
findings on live versions) are in higher layers.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.module_loading import import_string

from audit.actions import Action
from audit.services import record
from core.actors import Actor, ActorKind
from core.errors import Conflict, Denied, InvalidInput
from lineage.models import Node, NodeKind, Quarantine
from lineage.queries import find_node
from lineage.statements import walk_ids, walk_pairs
from lineage.withdrawn import withdrawn_sources

# Who may place a quarantine (a service account too: a data quality job), and who may release one (people only).
QUARANTINE_GROUPS = ("operators", "reviewers")
MAX_REASON = 1000
# How many ancestors of one node are looked at, and how many of all nodes of a question together before each is asked
# alone.
MAX_ANCESTORS = 10_000
_MAX_TOGETHER = 100_000
_MOST_BELOW = 2_000_000


@transaction.atomic
def place_quarantine(*, actor: Actor, urn: str, reason: str) -> Quarantine:
    """Quarantine a dataset version.

    Raises Denied for all but members of ``QUARANTINE_GROUPS`` and superusers. Raises NotFound; InvalidInput: other
    kind of node, no reason; Conflict: in quarantine.
    """
    node = _dataset_version(urn)
    checked_reason = _reason(reason)
    _require_quarantine_right(actor, Action.LINEAGE_QUARANTINE_PLACED, urn, people_only=False)
    Node.objects.select_for_update(no_key=True, of=("self",)).get(pk=node.pk)
    if any(row.released_at is None for row in quarantines_of(node)):
        raise Conflict(f"{node.name} {node.version} is quarantined already.")
    placed = Quarantine.objects.create(node=node, reason=checked_reason, placed_by=actor.name)
    record(
        actor=actor,
        action=Action.LINEAGE_QUARANTINE_PLACED,
        obj=urn,
        after={"quarantine": placed.pk, "dataset": node.name, "version": node.version},
        reason=checked_reason,
    )
    return placed


@transaction.atomic
def release_quarantine(*, actor: Actor, urn: str, reason: str) -> Quarantine:
    """End a dataset version's quarantine.

    Raises Denied for all but people of ``QUARANTINE_GROUPS`` and superusers, and to the authors of versions that
    descend from the data. Raises NotFound; InvalidInput: no reason; Conflict: not in quarantine; Denied.
    """
    node = _dataset_version(urn)
    checked_reason = _reason(reason)
    _require_quarantine_right(actor, Action.LINEAGE_QUARANTINE_RELEASED, urn, people_only=True)
    _require_maker_of_nothing(actor, node, Action.LINEAGE_QUARANTINE_RELEASED)
    rows = Quarantine.objects.select_for_update(of=("self",)).select_related("node")
    row = rows.filter(Q(node=node) | Q(node__alias_of=node), released_at__isnull=True).first()
    if row is None:
        raise Conflict(f"{node.name} {node.version} is not quarantined.")
    row.released_by, row.released_at, row.release_reason = actor.name, timezone.now(), checked_reason
    row.save(update_fields=["released_by", "released_at", "release_reason"])
    record(
        actor=actor,
        action=Action.LINEAGE_QUARANTINE_RELEASED,
        obj=urn,
        before={"quarantine": row.pk, "placed_by": row.placed_by},
        reason=checked_reason,
    )
    return row


def may_keep(actor: Actor, *, people_only: bool) -> bool:
    """Return whether the actor may place quarantines, or (``people_only``) release them."""
    if actor.kind is ActorKind.SYSTEM or (actor.kind is ActorKind.USER and actor.is_superuser):
        return True
    kinds = {ActorKind.USER} if people_only else {ActorKind.USER, ActorKind.SERVICE}
    if actor.kind not in kinds or actor.user_id is None:
        return False
    return Group.objects.filter(name__in=QUARANTINE_GROUPS, user__pk=actor.user_id).exists()


def all_quarantines() -> QuerySet[Quarantine]:
    """Return every quarantine there ever was, newest first, with their nodes."""
    return Quarantine.objects.select_related("node").order_by("-placed_at", "-pk")


def active_quarantines() -> QuerySet[Quarantine]:
    """Return the quarantines in force, newest first, with their nodes."""
    return all_quarantines().filter(released_at__isnull=True)


def quarantines_of(node: Node) -> list[Quarantine]:
    """Return every quarantine a node ever had, under any of its names, newest first."""
    return list(Quarantine.objects.filter(Q(node=node) | Q(node__alias_of=node)).order_by("-placed_at", "-pk"))


@dataclass(frozen=True, slots=True)
class Taint:
    """The quarantined ancestors of a node (itself included).

    ``complete`` is False where not all were seen.
    """

    quarantines: tuple[Quarantine, ...] = ()
    complete: bool = True


def taint_of(urn: str) -> Taint:
    """Return the quarantined ancestors of one node."""
    return taints([urn])[urn]


def taints(urns: Sequence[str]) -> dict[str, Taint]:
    """Return the quarantined ancestors of each node.

    An edge that a run has withdrawn counts like the others (withdrawn.py). One query where nothing is quarantined;
    three more where something is, however many nodes are asked about, and some for each step over withdrawn edges. A
    node that the graph does not know, or with more than MAX_ANCESTORS ancestors, is not complete.
    """
    quarantine_of_node = {row.node.alias_of_id or row.node_id: row for row in active_quarantines()}
    if not quarantine_of_node:
        return dict.fromkeys(urns, Taint())
    rows = Node.objects.filter(urn__in=set(urns)).values_list("urn", "alias_of_id", "pk")
    ids = {urn: alias or pk for urn, alias, pk in rows}
    above = ever_above(sorted(set(ids.values())))
    return {urn: _taint(above.get(ids[urn]) if urn in ids else None, quarantine_of_node) for urn in urns}


def quarantined_and_below(nodes: Iterable[int]) -> tuple[frozenset[int], frozenset[int]]:
    """Return which of the nodes are quarantined, and which descend from quarantined data.

    One query where nothing is quarantined, two where something is.
    """
    node_ids = frozenset(nodes)
    bad = {row.node.alias_of_id or row.node_id for row in active_quarantines()}
    if not bad or not node_ids:
        return frozenset(), frozenset()
    below = node_ids.intersection(walk_ids(sorted(bad), "down", limit=_MOST_BELOW))
    return node_ids & bad, below - bad


def _taint(above: Iterable[int] | None, quarantine_of_node: Mapping[int, Quarantine]) -> Taint:
    if above is None:
        return Taint(complete=False)
    seen = list(above)
    quarantined = sorted({pk for pk in seen if pk in quarantine_of_node})
    return Taint(tuple(quarantine_of_node[pk] for pk in quarantined), complete=len(seen) <= MAX_ANCESTORS)


def ever_above(starts: Sequence[int]) -> dict[int, list[int]]:
    """Return the ancestors of each start as `_ancestors` does, with those that runs have withdrawn and theirs."""
    above = _ancestors(starts)
    withdrawn: dict[int, frozenset[int]] = {}
    new = set().union(*above.values())
    while new:
        sources = withdrawn_sources(new)
        withdrawn |= sources
        further = sorted(set().union(*sources.values()) - above.keys())
        seen = set().union(*above.values())
        above |= _ancestors(further) if further else {}
        new = set().union(*(above[pk] for pk in further)) - seen
    return {start: _closed(above[start], above, withdrawn) for start in starts} if withdrawn else above


def _closed(
    ancestors: Sequence[int], above: Mapping[int, Sequence[int]], withdrawn: Mapping[int, frozenset[int]]
) -> list[int]:
    closed = dict.fromkeys(ancestors)
    waiting = list(closed)
    while waiting:
        for source in withdrawn.get(waiting.pop(), ()):
            further = [pk for pk in above[source] if pk not in closed]
            closed.update(dict.fromkeys(further))
            waiting += further
    return list(closed)


def _ancestors(starts: Sequence[int]) -> dict[int, list[int]]:
    """Return the ancestors of each start, themselves included, up to one more than MAX_ANCESTORS."""
    together = walk_pairs(starts, limit=_MAX_TOGETHER + 1)
    if len(together) > _MAX_TOGETHER:  # one of them is huge: each answer must not depend on who else is asked about
        return {start: walk_ids([start], "up", limit=MAX_ANCESTORS + 1) for start in starts}
    ancestors: dict[int, list[int]] = defaultdict(list)
    count: Counter[int] = Counter()
    for root, pk in together:
        if count[root] <= MAX_ANCESTORS:
            ancestors[root].append(pk)
            count[root] += 1
    return ancestors


def _dataset_version(urn: str) -> Node:
    node = find_node(urn)
    if node.kind != NodeKind.DATASET_VERSION:
        raise InvalidInput(f"Only a version of a dataset can be quarantined, and {urn[:200]!r} is none.")
    return node


def _reason(text: str) -> str:
    checked_reason = text.strip()
    if not checked_reason or "\x00" in checked_reason:
        raise InvalidInput("Say why: whoever is stopped by this reads it.")
    if len(checked_reason) > MAX_REASON:
        raise InvalidInput(f"The reason may have at most {MAX_REASON} characters.")
    return checked_reason


def require_independence(actor: Actor, urn: str, action: Action) -> None:
    """Refuse people who may not release a quarantine of this node or of data above it. Raises Denied."""
    for quarantine in taint_of(urn).quarantines:
        _require_maker_of_nothing(actor, quarantine.node, action)


def _require_maker_of_nothing(actor: Actor, node: Node, action: Action) -> None:
    """Ask settings.QUARANTINE_RELEASE_GUARDS, which know more than the graph; Denied with the first refusal."""
    for path in settings.QUARANTINE_RELEASE_GUARDS:
        if refusal := import_string(path)(actor, node):
            raise Denied(refusal, action=action, obj=node.urn)


def _require_quarantine_right(actor: Actor, action: Action, urn: str, *, people_only: bool) -> None:
    if not may_keep(actor, people_only=people_only):
        who = f"a {'person' if people_only else 'member'} of {' or '.join(QUARANTINE_GROUPS)}"
        raise Denied(f"Only {who}, or a superuser, may do this.", action=action, obj=urn)
