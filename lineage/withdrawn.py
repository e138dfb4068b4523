"""Edges that were retracted because a run was changed: a tag, its parent, or a later event.

The graph no longer has such an edge, but a quarantine still follows it. Otherwise, whoever may change a run could free
a model of quarantined data by renaming the data in a tag. The findings on versions in use follow more: every edge that
was retracted after the version was registered, whoever retracted it (decision 0187).
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
NAMES_WITHDRAWN = "nobody who may see both says any more that they are one dataset"
# Not here: the reasons that people give for a retraction, and those of edges that moved to another name of the same
# data.
_REASONS = (TAG_CHANGED, PARENT_CHANGED, EVENT_CHANGED, NOT_INHERITED, NAMES_WITHDRAWN)
_AT_ONCE = 1000


def withdrawn_sources(nodes: Iterable[int]) -> Mapping[int, frozenset[int]]:
    """Return the sources of the withdrawn edges into each node that has any; one query for each thousand nodes.

    An edge of a node that became an alias of another node later counts as an edge of that other node.
    """
    return _sources(nodes, Q(reason__in=_REASONS))


def ever_below(starts: Sequence[int], *, limit: int) -> set[int]:
    """Return the nodes that ever descended from ``starts``, themselves included.

    It follows the edges in the graph and all retracted edges. The walk ends with more than ``limit`` nodes.
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

    Edges that runs have withdrawn always count. The walk ends with more than ``limit`` nodes.
    """
    above: set[int] = set()
    frontier = sorted(set(starts))
    while frontier and len(above) <= limit:
        new = set(walk_ids(frontier, "up", limit=limit + 1)) - above
        above |= new
        sources = _sources(new, Q(reason__in=_REASONS) | Q(retracted_at__gt=since))
        frontier = sorted(set().union(*sources.values()) - above)
    return above


def _sources(nodes: Iterable[int], condition: Q) -> Mapping[int, frozenset[int]]:
    pairs = _retracted(nodes, "dst_id", condition)
    node_of = _canonical({pk for pair in pairs for pk in pair})
    sources: dict[int, set[int]] = defaultdict(set)
    for src, dst in pairs:
        sources[node_of.get(dst, dst)].add(node_of.get(src, src))
    return {dst: frozenset(group) for dst, group in sources.items()}


def _targets(nodes: Iterable[int]) -> set[int]:
    targets = {dst for _, dst in _retracted(nodes, "src_id", Q())}
    node_of = _canonical(targets)
    return {node_of.get(pk, pk) for pk in targets}


def _retracted(nodes: Iterable[int], end: str, condition: Q) -> set[tuple[int, int]]:
    """Return source and target of the retracted edges whose ``end`` is one of the nodes or an alias of one."""
    ids = sorted(set(nodes))
    pairs: set[tuple[int, int]] = set()
    for start in range(0, len(ids), _AT_ONCE):
        part = ids[start : start + _AT_ONCE]
        names = Node.objects.filter(alias_of_id__in=part).values("pk")
        rows = [RetractedEdge.objects.filter(condition, **{f"{end}__in": group}) for group in (part, names)]
        own, others = (row.order_by().values_list("src_id", "dst_id") for row in rows)
        pairs.update(own.union(others))
    return pairs


def _canonical(ids: set[int]) -> dict[int, int]:
    """Return the node that each alias among the ids stands for. One query, none without ids."""
    if not ids:
        return {}
    rows = Node.objects.filter(pk__in=ids, alias_of_id__isnull=False).values_list("pk", "alias_of_id")
    return {pk: node for pk, node in rows if node is not None}
