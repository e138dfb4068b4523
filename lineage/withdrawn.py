"""Edges that were retracted because a run was changed: a tag, its parent, or a later event.

The graph no longer has such an edge, but a quarantine still follows it. Otherwise, whoever may change a run could free
a model of quarantined data by renaming the data in a tag.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from lineage.models import Node, RetractedEdge

TAG_CHANGED = "the tag was changed"
PARENT_CHANGED = "the parent run was changed"
EVENT_CHANGED = "a later event of the run says otherwise"
NOT_INHERITED = "no longer inherited"
# Not here: the reasons that people give for a retraction, and those of edges that moved to another name of the same
# data.
_REASONS = (TAG_CHANGED, PARENT_CHANGED, EVENT_CHANGED, NOT_INHERITED)
_AT_ONCE = 1000


def withdrawn_sources(nodes: Iterable[int]) -> Mapping[int, frozenset[int]]:
    """Return the sources of the withdrawn edges into each node that has any; one query for each thousand nodes."""
    ids = sorted(set(nodes))
    sources: dict[int, set[int]] = defaultdict(set)
    for start in range(0, len(ids), _AT_ONCE):
        rows = RetractedEdge.objects.filter(dst_id__in=ids[start : start + _AT_ONCE], reason__in=_REASONS)
        for src, dst in rows.values_list("src_id", "dst_id"):
            sources[dst].add(src)
    all_sources = {src for group in sources.values() for src in group}
    aliases = (
        dict(Node.objects.filter(pk__in=all_sources, alias_of__isnull=False).values_list("pk", "alias_of_id"))
        if all_sources
        else {}
    )
    return {dst: frozenset(aliases.get(src) or src for src in group) for dst, group in sources.items()}
