"""Visibility of nodes, and the right to declare edges into them. A hidden node is absent from every answer and count.

Lineage has no permissions of its own: it calls the functions that settings list. Each entry of ``LINEAGE_VISIBILITY``
is the dotted path of a callable ``(actor, urns) -> urns`` that returns those of the URNs that the actor may not see.
Each entry of ``LINEAGE_WRITERS`` is the path of a callable ``(actor, urn, action) -> Refusal | None``, which returns
why the actor may not declare an edge into a node.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

from django.conf import settings
from django.utils.module_loading import import_string

from audit.actions import Action
from audit.refusals import Refusal, deny_if
from core.actors import Actor
from core.errors import NotFound
from lineage.graph.reads import NodeRow
from lineage.models import Edge, Node, NodeKind

# How many nodes a list reads to find enough that the actor may see: hidden nodes must not shorten the list.
MAX_SIFTED = 1000
# How many URNs a visibility function gets at once: databases limit the parameters of a statement.
_AT_ONCE = 10_000
# Everybody may see commits, environments and repositories.
_OPEN = frozenset({NodeKind.CODE_VERSION, NodeKind.ENVIRONMENT, NodeKind.REPOSITORY})


# A node as a model instance or as a row of a read.
AnyNode = TypeVar("AnyNode", Node, NodeRow)


class Visibility(Protocol):
    """The interface of an entry of LINEAGE_VISIBILITY."""

    def __call__(self, actor: Actor, urns: frozenset[str]) -> frozenset[str]: ...


class Writers(Protocol):
    """The interface of an entry of LINEAGE_WRITERS."""

    def __call__(self, actor: Actor, urn: str, action: Action) -> Refusal | None: ...


def hidden_nodes(actor: Actor, nodes: Iterable[Node | NodeRow]) -> frozenset[int]:
    """Return the ids of the nodes that the actor may not see.

    Each entry of LINEAGE_VISIBILITY makes a fixed number of queries for each 10,000 nodes.
    """
    id_by_urn = {node.urn: node.pk for node in nodes if node.kind not in _OPEN}
    return frozenset(id_by_urn[urn] for urn in _hidden(actor, list(id_by_urn)) & id_by_urn.keys())


def sees_all(actor: Actor, urns: Sequence[str], kinds: Sequence[int]) -> bool:
    """Return whether the actor may see all of the nodes, given as URNs and kinds. Queries as for `hidden_nodes`."""
    return not _hidden(actor, [urn for urn, kind in zip(urns, kinds, strict=True) if kind not in _OPEN])


def _hidden(actor: Actor, urns: Sequence[str]) -> set[str]:
    hidden: set[str] = set()
    for path in settings.LINEAGE_VISIBILITY:
        visibility: Visibility = import_string(path)
        for start in range(0, len(urns), _AT_ONCE):
            hidden |= visibility(actor, frozenset(urns[start : start + _AT_ONCE]))
    return hidden


def require_declaring(actor: Actor, urn: str, action: Action) -> None:
    """Raise Denied where the actor may not declare an edge into a node."""
    for path in settings.LINEAGE_WRITERS:
        writers: Writers = import_string(path)
        deny_if(writers(actor, urn, action))


def known_nodes(actor: Actor, nodes: Iterable[AnyNode]) -> list[AnyNode]:
    """Return those nodes that the actor may see, in their order."""
    candidates = list(nodes)
    hidden = hidden_nodes(actor, candidates)
    return [node for node in candidates if node.pk not in hidden]


def require_visible(actor: Actor, node: Node) -> None:
    """Raise the NotFound of an unknown node for one the actor may not see."""
    if hidden_nodes(actor, [node]):
        raise unknown_node(node)


def unknown_node(node: Node | NodeRow) -> NotFound:
    """Return the NotFound for a node that the actor may not see: the same as for a node that does not exist."""
    return NotFound(f"The lineage graph does not know {node.urn[:200]!r}.")


def require_known_edge(actor: Actor, edge_id: int) -> None:
    """Raise the NotFound of an unknown edge for one that ends at a node the actor may not see."""
    edge = Edge.objects.select_related("src", "dst").filter(pk=edge_id).first()
    if edge is None or hidden_nodes(actor, [edge.src, edge.dst]):
        raise NotFound(f"There is no lineage edge {edge_id}.")
