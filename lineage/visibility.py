"""Model names a caller may not know are masked, and the shape of the graph stays honest.

Lineage knows nothing of permissions: it asks the list in settings. Each entry of ``LINEAGE_VISIBILITY`` is the dotted path
of a callable ``(actor, names) -> names`` that returns the model names the actor may know; all of them must agree.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from core.actors import Actor
from core.errors import NotFound
from lineage.models import Edge, Node, NodeKind

# How many nodes a list looks at to find those that may be shown: what is hidden must not take the places of what is not.
MOST_SIFTED = 1000
_NAMED = frozenset({NodeKind.MODEL, NodeKind.MODEL_VERSION})


class Visibility(Protocol):
    """What an entry of LINEAGE_VISIBILITY must be."""

    def __call__(self, actor: Actor, names: frozenset[str]) -> frozenset[str]: ...


def hidden_nodes(actor: Actor, nodes: Iterable[Node]) -> frozenset[int]:
    """Return the ids of the nodes whose name the actor may not know; one query per entry of the list."""
    named = {node.pk: node.name for node in nodes if node.kind in _NAMED}
    known = names = frozenset(named.values())
    if not names:
        return frozenset()
    for path in settings.LINEAGE_VISIBILITY:
        visibility: Visibility = import_string(path)
        known &= visibility(actor, names)
    return frozenset(pk for pk, name in named.items() if name not in known)


def known_nodes(actor: Actor, nodes: Iterable[Node]) -> list[Node]:
    """Return those nodes whose name the actor may know, in their order."""
    found = list(nodes)
    hidden = hidden_nodes(actor, found)
    return [node for node in found if node.pk not in hidden]


def require_visible(actor: Actor, node: Node) -> None:
    """Raise the NotFound of an unknown node for one the actor may not know."""
    if hidden_nodes(actor, [node]):
        raise NotFound(f"The lineage graph does not know {node.urn[:200]!r}.")


def require_known_edge(actor: Actor, edge_id: int) -> None:
    """Raise the NotFound of an unknown edge for one that ends at a node the actor may not know."""
    edge = Edge.objects.select_related("src", "dst").filter(pk=edge_id).first()
    if edge is None or hidden_nodes(actor, [edge.src, edge.dst]):
        raise NotFound(f"There is no lineage edge {edge_id}.")
