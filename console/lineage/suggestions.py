"""Suggested edges on the lineage page and in the dialog of a quarantine."""

from __future__ import annotations

from console.lineage.graph_views import GraphPage
from core.actors import Actor
from lineage.models import Node, Relation
from lineage.suggestions.derive import open_suggestions
from lineage.suggestions.methods import Suggestion


def graph_suggestions(actor: Actor, page: GraphPage) -> list[Suggestion]:
    """Return the open suggestions of edges that touch a node of the graph, also a folded run; the likeliest first."""
    return open_suggestions(actor, list(Node.objects.filter(pk__in=page.ids)))


def other_names(actor: Actor, node: Node) -> list[str]:
    """Return the names of dataset versions that open suggestions say have the same bytes as this one."""
    same_bytes = [row for row in open_suggestions(actor, [node]) if row.relation is Relation.SAME_BYTES]
    others = [row.dst if row.src.pk == node.pk else row.src for row in same_bytes]
    return [f"{other.name} {other.version}".strip() for other in others]
