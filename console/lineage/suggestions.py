"""Suggested edges on the lineage page and in the dialog of a quarantine."""

from __future__ import annotations

from console.lineage.presenters import GraphPage
from core.actors import Actor
from lineage.models import Node, Relation
from lineage.suggestions.derive import Suggestion, open_suggestions


def graph_suggestions(actor: Actor, page: GraphPage) -> list[Suggestion]:
    """Return the open suggestions with an end among the artifacts of a graph, likeliest first."""
    return open_suggestions(actor, list(Node.objects.filter(pk__in=[node.id for node in page.nodes])))


def other_names(actor: Actor, node: Node) -> list[str]:
    """Return the dataset versions that may have the bytes of this one under another name."""
    same = [one for one in open_suggestions(actor, [node]) if one.relation is Relation.SAME_BYTES]
    others = [one.dst if one.src.pk == node.pk else one.src for one in same]
    return [f"{other.name} {other.version}".strip() for other in others]
