"""Quarantines of dataset versions that were found to be bad.

Model versions that descend from quarantined data cannot be promoted. Higher layers enforce that: they have the check
and the findings on live versions.
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
from lineage.visibility import hidden_nodes
from lineage.withdrawn import withdrawn_sources

# The groups whose members may place a quarantine (also service accounts, such as a data quality job) or release one
# (people only).
QUARANTINE_GROUPS = ("operators", "reviewers")
MAX_REASON = 1000
# How many ancestors of one node are read, and up to how many ancestors many nodes are read together.
MAX_ANCESTORS = 10_000
_MAX_TOGETHER = 100_000
_MOST_BELOW = 2_000_000


@transaction.atomic
def place_quarantine(*, actor: Actor, urn: str, reason: str) -> Quarantine:
    """Quarantine a dataset version and return the quarantine.

    Raises Denied: the actor is neither a superuser nor in ``QUARANTINE_GROUPS``. Raises NotFound. Raises InvalidInput:
    another kind of node, or no reason. Raises Conflict: it is in quarantine already.
    """
    node = _dataset_version(urn)
    text = _reason(reason)
    require_quarantine_right(actor, Action.LINEAGE_QUARANTINE_PLACED, urn, people_only=False)
    Node.objects.select_for_update(no_key=True, of=("self",)).get(pk=node.pk)
    if any(row.released_at is None for row in quarantines_of(node)):
        raise Conflict(f"{node.name} {node.version} is quarantined already.")
    placed = Quarantine.objects.create(node=node, reason=text, placed_by=actor.name)
    record(
        actor=actor,
        action=Action.LINEAGE_QUARANTINE_PLACED,
        obj=urn,
        after={"quarantine": placed.pk, "dataset": node.name, "version": node.version},
        reason=text,
    )
    return placed


@transaction.atomic
def release_quarantine(*, actor: Actor, urn: str, reason: str) -> Quarantine:
    """End the quarantine of a dataset version and return it.

    Raises Denied: the actor is neither a superuser nor a person in ``QUARANTINE_GROUPS``, or a release guard refuses
    them, such as authors of versions that descend from the data. Raises NotFound. Raises InvalidInput: another kind of
    node, or no reason. Raises Conflict: it is not in quarantine.
    """
    node = _dataset_version(urn)
    text = _reason(reason)
    require_quarantine_right(actor, Action.LINEAGE_QUARANTINE_RELEASED, urn, people_only=True)
    _require_release_guards(actor, node, Action.LINEAGE_QUARANTINE_RELEASED)
    rows = Quarantine.objects.select_for_update(of=("self",)).select_related("node")
    row = rows.filter(Q(node=node) | Q(node__alias_of=node), released_at__isnull=True).first()
    if row is None:
        raise Conflict(f"{node.name} {node.version} is not quarantined.")
    row.released_by, row.released_at, row.release_reason = actor.name, timezone.now(), text
    row.save(update_fields=["released_by", "released_at", "release_reason"])
    record(
        actor=actor,
        action=Action.LINEAGE_QUARANTINE_RELEASED,
        obj=urn,
        before={"quarantine": row.pk, "placed_by": row.placed_by},
        reason=text,
    )
    return row


def may_quarantine(actor: Actor, *, people_only: bool) -> bool:
    """Return whether the actor may place quarantines, or (``people_only``) release them."""
    if actor.kind is ActorKind.SYSTEM or (actor.kind is ActorKind.USER and actor.is_superuser):
        return True
    kinds = {ActorKind.USER} if people_only else {ActorKind.USER, ActorKind.SERVICE}
    if actor.kind not in kinds or actor.user_id is None:
        return False
    return Group.objects.filter(name__in=QUARANTINE_GROUPS, user__pk=actor.user_id).exists()


def all_quarantines() -> QuerySet[Quarantine]:
    """Return all quarantines, also released ones, newest first, with their nodes."""
    return Quarantine.objects.select_related("node").order_by("-placed_at", "-pk")


def active_quarantines() -> QuerySet[Quarantine]:
    """Return the quarantines in force, newest first, with their nodes."""
    return all_quarantines().filter(released_at__isnull=True)


def quarantines_of(node: Node) -> list[Quarantine]:
    """Return all quarantines of a node and of its aliases, also released ones, newest first."""
    return list(Quarantine.objects.filter(Q(node=node) | Q(node__alias_of=node)).order_by("-placed_at", "-pk"))


@dataclass(frozen=True, slots=True)
class Taint:
    """The quarantines of a node and of its ancestors. ``complete`` is False where not all ancestors were read.

    ``has_hidden`` says that there are others, of data that the actor may not see.
    """

    quarantines: tuple[Quarantine, ...] = ()
    complete: bool = True
    has_hidden: bool = False


def taint_of(urn: str) -> Taint:
    """Return the quarantines of a node and of its ancestors."""
    return taints([urn])[urn]


def visible_taint(actor: Actor, urn: str) -> Taint:
    """Return the quarantines of a node and of its ancestors without those of data that the actor may not see."""
    taint = taint_of(urn)
    hidden = hidden_nodes(actor, [row.node for row in taint.quarantines])
    visible = tuple(row for row in taint.quarantines if row.node_id not in hidden)
    return Taint(visible, taint.complete, has_hidden=len(visible) < len(taint.quarantines))


def taints(urns: Sequence[str]) -> dict[str, Taint]:
    """Return the quarantines of each node and of its ancestors, by URN.

    An edge that a run has withdrawn counts like the others (withdrawn.py). One query where nothing is quarantined;
    otherwise three more for any number of nodes, and some for each step over withdrawn edges. A node that the graph
    does not know, or that has more than MAX_ANCESTORS ancestors, is not complete.
    """
    quarantine_of_node = {row.node.alias_of_id or row.node_id: row for row in active_quarantines()}
    if not quarantine_of_node:
        return dict.fromkeys(urns, Taint())
    rows = Node.objects.filter(urn__in=set(urns)).values_list("urn", "alias_of_id", "pk")
    ids = {urn: alias or pk for urn, alias, pk in rows}
    above = ever_above(sorted(set(ids.values())))
    return {urn: _taint(above.get(ids[urn]) if urn in ids else None, quarantine_of_node) for urn in urns}


def quarantined_and_below(nodes: Iterable[int]) -> tuple[frozenset[int], frozenset[int]]:
    """Return which of the nodes are quarantined, and which others descend from quarantined data.

    One query where nothing is quarantined, two where something is.
    """
    node_ids = frozenset(nodes)
    quarantined = {row.node.alias_of_id or row.node_id for row in active_quarantines()}
    if not quarantined or not node_ids:
        return frozenset(), frozenset()
    below = node_ids.intersection(walk_ids(sorted(quarantined), "down", limit=_MOST_BELOW))
    return node_ids & quarantined, below - quarantined


def _taint(above: Iterable[int] | None, quarantine_of_node: Mapping[int, Quarantine]) -> Taint:
    if above is None:
        return Taint(complete=False)
    ancestors = list(above)
    quarantined = sorted({pk for pk in ancestors if pk in quarantine_of_node})
    return Taint(tuple(quarantine_of_node[pk] for pk in quarantined), complete=len(ancestors) <= MAX_ANCESTORS)


def ever_above(starts: Sequence[int]) -> dict[int, list[int]]:
    """Return the ancestors of each start, itself included, also over edges that runs have withdrawn."""
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
    """Return the ancestors of each start, itself included, at most MAX_ANCESTORS + 1 of each."""
    together = walk_pairs(starts, limit=_MAX_TOGETHER + 1)
    if len(together) > _MAX_TOGETHER:  # one of them is huge: the answer for a node must not depend on the other nodes
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
        raise InvalidInput(f"Only a version of a dataset can be quarantined; {urn[:200]!r} is something else.")
    return node


def _reason(text: str) -> str:
    reason = text.strip()
    if not reason or "\x00" in reason:
        raise InvalidInput("Give a reason: people whom the quarantine stops will read it.")
    if len(reason) > MAX_REASON:
        raise InvalidInput(f"The reason may have at most {MAX_REASON} characters.")
    return reason


def require_independence(actor: Actor, urns: Sequence[str], action: Action) -> None:
    """Raise Denied where a release guard refuses the actor for a quarantine of one of the nodes or of its ancestors."""
    quarantined = {row.node_id: row.node for taint in taints(urns).values() for row in taint.quarantines}
    for _, node in sorted(quarantined.items()):
        _require_release_guards(actor, node, action)


def _require_release_guards(actor: Actor, node: Node, action: Action) -> None:
    """Raise Denied with the first refusal of settings.QUARANTINE_RELEASE_GUARDS, which know more than the graph."""
    for path in settings.QUARANTINE_RELEASE_GUARDS:
        if refusal := import_string(path)(actor, node):
            raise Denied(refusal, action=action, obj=node.urn)


def require_quarantine_right(actor: Actor, action: Action, urn: str, *, people_only: bool) -> None:
    """Raise Denied where the actor may not place quarantines, or (``people_only``) release them."""
    if not may_quarantine(actor, people_only=people_only):
        group = f"a {'person' if people_only else 'member'} of {' or '.join(QUARANTINE_GROUPS)}"
        raise Denied(f"Only {group}, or a superuser, may do this.", action=action, obj=urn)
