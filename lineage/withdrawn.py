"""Edges that left the graph because a run changed what it says: a tag, its parent, a later event.

The graph follows the correction. A quarantine does not: whoever may change a run must not be able to take a model from
quarantined data by renaming the data in a tag. The findings on versions in use follow more: every edge that left the
graph after the version was registered, whoever took it back (decision 0187).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.db.models import Q

from lineage.models import Node, RetractedEdge
from lineage.statements import walk_ids

TAG_CHANGED = "the tag was changed"
PARENT_CHANGED = "the parent run was changed"
EVENT_CHANGED = "a later event of the run says otherwise"
NOT_INHERITED = "no longer inherited"
# The reasons of edges that a person retracted, with a reason of their own, and of edges that moved to another name of
# the same data are not here.
_REASONS = (TAG_CHANGED, PARENT_CHANGED, EVENT_CHANGED, NOT_INHERITED)
_AT_ONCE = 1000


def withdrawn_sources(nodes: Iterable[int]) -> Mapping[int, frozenset[int]]:
    """Return the sources of the withdrawn edges into each node that has any; one query for each thousand nodes.

    An edge into a node, or from one, that has become another name of a node since is an edge of that node.
    """
    return _sources(nodes, Q(reason__in=_REASONS))


def ever_below(starts: Sequence[int], *, limit: int) -> set[int]:
    """Return the nodes that ever descended from ``starts``, themselves included: by edges in the graph, and by every
    edge that left it for whatever reason. The walk stops where it has met more than ``limit`` nodes.
    """
    below: set[int] = set()
    frontier = sorted(set(starts))
    while frontier and len(below) <= limit:
        new = set(walk_ids(frontier, "down", limit=limit + 1)) - below
        below |= new
        frontier = sorted(_targets(new) - below)
    return below


def above_since(starts: Iterable[int], since: datetime, *, limit: int) -> set[int]:
    """Return the ancestors that nodes have, or had at any moment since a time, themselves included.

    Edges that runs have withdrawn count whenever that was. The walk stops where it has met more than ``limit`` nodes.
    """
    above: set[int] = set()
    frontier = sorted(set(starts))
    while frontier and len(above) <= limit:
        new = set(walk_ids(frontier, "up", limit=limit + 1)) - above
        above |= new
        sources = _sources(new, Q(reason__in=_REASONS) | Q(retracted_at__gt=since))
        frontier = sorted(set().union(*sources.values()) - above)
    return above


def _sources(nodes: Iterable[int], which: Q) -> Mapping[int, frozenset[int]]:
    pairs = _retracted(nodes, "dst_id", which)
    name_of = _canonical({pk for pair in pairs for pk in pair})
    sources: dict[int, set[int]] = defaultdict(set)
    for src, dst in pairs:
        sources[name_of.get(dst, dst)].add(name_of.get(src, src))
    return {dst: frozenset(group) for dst, group in sources.items()}


def _targets(nodes: Iterable[int]) -> set[int]:
    targets = {dst for _, dst in _retracted(nodes, "src_id", Q())}
    name_of = _canonical(targets)
    return {name_of.get(pk, pk) for pk in targets}


def _retracted(nodes: Iterable[int], end: str, which: Q) -> set[tuple[int, int]]:
    """Return the ends of retracted edges that have one of the nodes, under any of its names, at one end."""
    ids = sorted(set(nodes))
    pairs: set[tuple[int, int]] = set()
    for start in range(0, len(ids), _AT_ONCE):
        part = ids[start : start + _AT_ONCE]
        names = Node.objects.filter(alias_of_id__in=part).values("pk")
        rows = [RetractedEdge.objects.filter(which, **{f"{end}__in": held}) for held in (part, names)]
        own, others = (row.order_by().values_list("src_id", "dst_id") for row in rows)
        pairs.update(own.union(others))
    return pairs


def _canonical(ids: set[int]) -> dict[int, int]:
    """Return the node that each of these is another name of; one query, none without ids."""
    if not ids:
        return {}
    rows = Node.objects.filter(pk__in=ids, alias_of_id__isnull=False).values_list("pk", "alias_of_id")
    return {pk: named for pk, named in rows if named is not None}
