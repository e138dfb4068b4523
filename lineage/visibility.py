"""Visibility of nodes: a hidden node is absent from every answer and count. Permission to add to an ancestry.

Lineage knows nothing of permissions: it asks the lists in settings. Each entry of ``LINEAGE_VISIBILITY`` is the dotted
path of a callable ``(actor, urns) -> urns`` that returns those of the URNs the actor may not see. Each entry of
``LINEAGE_WRITERS`` is that of a callable ``(actor, urn, action) -> Refusal | None``: why the actor may not declare what
flowed into a node.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from audit.actions import Action
from audit.refusals import Refusal, deny_if
from core.actors import Actor
from core.errors import NotFound
from lineage.graph.reads import NodeRow
from lineage.models import Edge, Node, NodeKind

# How many nodes a list looks at to find those that may be shown: what is hidden must not take the places of what is
# not.
MOST_SIFTED = 1000
# How many nodes are asked about in one statement: databases limit its parameters.
_AT_ONCE = 10_000
# Commits and environments are nobody's.
_OPEN = frozenset({NodeKind.CODE_VERSION, NodeKind.ENVIRONMENT, NodeKind.REPOSITORY})


class Visibility(Protocol):
    """The interface of an entry of LINEAGE_VISIBILITY."""

    def __call__(self, actor: Actor, urns: frozenset[str]) -> frozenset[str]: ...


class Writers(Protocol):
    """The interface of an entry of LINEAGE_WRITERS."""

    def __call__(self, actor: Actor, urn: str, action: Action) -> Refusal | None: ...


def hidden_nodes(actor: Actor, nodes: Iterable[Node | NodeRow]) -> frozenset[int]:
    """Return the ids of the nodes that the actor may not see; a fixed number of queries per entry of the list,
    for each 10,000 of them."""
    owned = {node.urn: node.pk for node in nodes if node.kind not in _OPEN}
    if not owned:
        return frozenset()
    hidden: set[str] = set()
    urns = list(owned)
    for path in settings.LINEAGE_VISIBILITY:
        visibility: Visibility = import_string(path)
        for start in range(0, len(urns), _AT_ONCE):
            hidden |= visibility(actor, frozenset(urns[start : start + _AT_ONCE]))
    return frozenset(owned[urn] for urn in hidden & owned.keys())


def require_declaring(actor: Actor, urn: str, action: Action) -> None:
    """Raise Denied where the actor may not say what flowed into a node."""
    for path in settings.LINEAGE_WRITERS:
        writers: Writers = import_string(path)
        deny_if(writers(actor, urn, action))


def known_nodes(actor: Actor, nodes: Iterable[Node]) -> list[Node]:
    """Return those nodes that the actor may see, in their order."""
    nodes_read = list(nodes)
    hidden = hidden_nodes(actor, nodes_read)
    return [node for node in nodes_read if node.pk not in hidden]


def require_visible(actor: Actor, node: Node) -> None:
    """Raise the NotFound of an unknown node for one the actor may not see."""
    if hidden_nodes(actor, [node]):
        raise NotFound(f"The lineage graph does not know {node.urn[:200]!r}.")


def require_known_edge(actor: Actor, edge_id: int) -> None:
    """Raise the NotFound of an unknown edge for one that ends at a node the actor may not see."""
    edge = Edge.objects.select_related("src", "dst").filter(pk=edge_id).first()
    if edge is None or hidden_nodes(actor, [edge.src, edge.dst]):
        raise NotFound(f"There is no lineage edge {edge_id}.")
