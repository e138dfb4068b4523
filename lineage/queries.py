"""Reading the graph: ancestors, descendants and the part of it around a node.

The database walks over ids only. Nodes and edges are read for at most ``limit`` of them, and ``truncated`` says that
there are more. Distances are computed here, from the edges that were read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote

import orjson
from django.db.models import Q, QuerySet

from core.actors import Actor
from core.errors import NotFound
from core.refs import dataset_ref, dataset_version_ref
from lineage.graph.levels import is_served
from lineage.graph.reads import EdgeRow, NodeRow, distances, edges_among, nodes_by_id, read_of_kinds
from lineage.identity.bindings import resolved
from lineage.identity.described import described_versions
from lineage.identity.names import dataset_key, version_key
from lineage.identity.nodes import member_spec
from lineage.identity.same_datasets import names_of
from lineage.models import Claim, Node, NodeKind, Relation
from lineage.statements import Direction, walk_ids
from lineage.visibility import hidden_nodes

DEFAULT_LIMIT = 2000
MAX_LIMIT = 10_000
_CONTAINERS = frozenset({NodeKind.DATASET, NodeKind.MODEL, NodeKind.REPOSITORY})
_INTERNAL = (NodeKind.CONTENT, NodeKind.REPOSITORY)
_NODES_LISTED = 100
_UNLIMITED = 2**31 - 2
_LONGEST_URN = 2000
_MOST_SLASHES = 12


@dataclass(frozen=True, slots=True)
class Closure:
    """The ancestors or descendants of a node, and the edges between them.

    ``nodes`` has the root too, nearest first; ``depths`` maps node id to distance. ``total_seen`` is how many nodes the
    walk reached before it stopped; with ``truncated`` there are more.
    """

    root: Node
    nodes: list[NodeRow]
    edges: list[EdgeRow]
    truncated: bool
    depths: dict[int, int]
    total_seen: int


def find_node(urn: str, *, by_other_names: bool = True) -> Node:
    """Return the node with a URN, also in another spelling, with its container. For an alias it is the node itself.

    A dataset version may also be named by another name of its dataset. Raises NotFound.
    """
    node = Node.objects.select_related("container").filter(urn=urn).first() if _is_text(urn) else None
    node = node or (_by_other_spelling(urn) if _is_text(urn) else None)
    node = node or (_by_other_name(urn) if _is_text(urn) and by_other_names else None)
    if node is None:
        raise _unknown(urn)
    if node.alias_of_id is None:
        return node
    return Node.objects.select_related("container").get(pk=node.alias_of_id)


def find_visible(actor: Actor, urn: str) -> Node:
    """Return the node with a URN as `find_node` does.

    Raises NotFound, with the same message for a hidden node as for none: it repeats the URN as it was asked for.
    """
    node = find_node(urn)
    if hidden_nodes(actor, [node]):
        raise _unknown(urn)
    return node


def _unknown(urn: str) -> NotFound:
    return NotFound(f"The lineage graph does not know {urn[:200]!r}.")


def _is_text(urn: str) -> bool:
    return "\x00" not in urn and len(urn) <= _LONGEST_URN


def _by_other_spelling(urn: str) -> Node | None:
    """Return the dataset, dataset version or commit that another spelling of its URN names, where there is only one."""
    kind, _, urn_name = urn.partition(":")
    rows = Node.objects.select_related("container", "alias_of__container")
    if kind == "code":
        matching = rows.filter(kind=NodeKind.CODE_VERSION, version__startswith=urn_name, alias_of__isnull=True)[:2]
        return matching[0] if len(matching) == 1 else None
    if kind == "dataset":
        return rows.filter(urn=dataset_ref(dataset_key(urn_name))).first()
    if kind != "dataset-version":
        return None
    cuts = [index for index, letter in enumerate(urn_name) if letter == "/"][-_MOST_SLASHES:]
    pairs = [(dataset_key(unquote(urn_name[:cut])), unquote(urn_name[cut + 1 :])) for cut in cuts]
    spelt = [dataset_version_ref(name, version_key(version)) for name, version in pairs]
    return rows.filter(urn__in=spelt).first() or _by_digest(pairs)


def _by_other_name(urn: str) -> Node | None:
    """Return the version of a dataset that is known under another name of the dataset only."""
    kind, _, urn_name = urn.partition(":")
    if kind != "dataset-version":
        return None
    cuts = {f"dataset:{urn_name[:cut]}": urn_name[cut + 1 :] for cut, letter in enumerate(urn_name) if letter == "/"}
    datasets = Node.objects.filter(urn__in=list(cuts)[-_MOST_SLASHES:], kind=NodeKind.DATASET).order_by("urn")
    for dataset in datasets:
        version = version_key(unquote(cuts[dataset.urn]))
        urns = {member_spec(name, version).urn for name in names_of(dataset).datasets if name.pk != dataset.pk}
        rows = Node.objects.select_related("container", "alias_of__container").filter(urn__in=urns)
        if urns and (node := rows.order_by("urn").first()):
            return node
    return None


def _by_digest(pairs: Iterable[tuple[str, str]]) -> Node | None:
    """Return the version that claims, otherwise documents, give to a digest, where all of them mean the same one."""
    by_dataset = {dataset_ref(name): digest for name, digest in pairs}
    claims = Claim.objects.filter(container__urn__in=by_dataset, digest__in=by_dataset.values(), node__isnull=False)
    nodes = {
        claim.node
        for claim in claims.select_related("container", "node__container")
        if by_dataset[claim.container.urn] == claim.digest
    } or set(_described(by_dataset))
    return nodes.pop() if len(nodes) == 1 else None


def _described(digests: Mapping[str, str]) -> list[Node]:
    """Return the versions that documents give to digests, each given with the URN of its dataset."""
    urns = set()
    for dataset in Node.objects.filter(urn__in=digests, kind=NodeKind.DATASET):
        for digest, versions in described_versions(dataset, [digests[dataset.urn]]).items():
            urns.add(member_spec(dataset, resolved(digest, versions)).urn)
    rows = Node.objects.select_related("container", "alias_of__container").filter(urn__in=urns)
    return [node.alias_of or node for node in rows]


def nodes_matching(*, kind: NodeKind | None = None, text: str = "", limit: int = _NODES_LISTED) -> QuerySet[Node]:
    """Return nodes whose name or version contains ``text``, or whose digest begins with it, by kind and name."""
    nodes = Node.objects.filter(alias_of__isnull=True).exclude(kind__in=_INTERNAL).order_by("kind", "name", "id")
    if kind is not None:
        nodes = nodes.filter(kind=kind)
    if text:
        nodes = nodes.filter(Q(name__icontains=text) | Q(version__icontains=text) | Q(digest__startswith=text))
    return nodes[:limit]


def ancestors(start: Node, *, limit: int = DEFAULT_LIMIT) -> Closure:
    """Return everything that flowed into ``start``.

    An endpoint starts from its live deployments, a container from its members.
    """
    return _closure(start, "up", limit)


def descendants(start: Node, *, limit: int = DEFAULT_LIMIT) -> Closure:
    """Return everything that ``start`` flowed into. Endpoints are reached only through deployments that are live."""
    return _closure(start, "down", limit)


def descendants_of_kinds(start: Node, kinds: Collection[NodeKind]) -> list[NodeRow]:
    """Return all nodes of some kinds that ``start`` flowed into, by id, however many. Two statements at most."""
    starts = list(dict.fromkeys([*anchors_of(start, "down"), start.pk]))
    return read_of_kinds(starts, "down", kinds, limit=_UNLIMITED)[0]


def is_upstream(node: Node, *, of: Node) -> bool:
    """Return whether ``node`` is ``of`` or flows into it. It walks over all ancestors of ``of``."""
    return node.pk in walk_ids([of.pk], "up", limit=_UNLIMITED)


def _closure(start: Node, direction: Direction, limit: int) -> Closure:
    anchors = anchors_of(start, direction)
    ids = list(dict.fromkeys([start.pk, *walk_ids(anchors, direction, limit=limit + 1)]))
    return _assemble(start, direction, anchors, ids[:limit], seen=len(ids), truncated=len(ids) > limit)


def anchors_of(start: Node, direction: Direction, as_of: datetime | None = None) -> list[int]:
    """Return the ids that a walk starts from.

    They are the members of a model, a repository or a dataset (under all its names), upwards of an endpoint its
    deployments that have not ended, and of every other node the node itself.
    """
    if start.kind in _CONTAINERS:
        containers = names_of(start).datasets if start.kind == NodeKind.DATASET else (start,)
        return list(Node.objects.filter(container__in=containers).order_by("-id").values_list("pk", flat=True))
    if start.kind != NodeKind.ENDPOINT or direction != "up":
        return [start.pk]
    members = Node.objects.filter(container=start).order_by("-id")
    if as_of is None:
        return list(members.exclude(attrs__has_key="ended_at").values_list("pk", flat=True))
    then = members.filter(Q(recorded_at__lte=as_of)).values_list("pk", "attrs")
    return [pk for pk, attrs in then if is_served(attrs, as_of)]


def _assemble(
    start: Node, direction: Direction, anchors: list[int], ids: list[int], *, seen: int, truncated: bool
) -> Closure:
    """Read the nodes and edges of the walked ids, and compute the distances. Two queries for each thousand ids."""
    nodes = nodes_by_id(ids)
    edges = [edge for edge in edges_among(ids) if _flows(edge, nodes)]
    depths = distances(start.pk, anchors, edges, direction)
    near = sorted((pk for pk in nodes if pk in depths), key=lambda pk: (depths[pk], pk))
    return Closure(
        root=start,
        nodes=[nodes[pk] for pk in near],
        edges=[edge for edge in edges if edge.src in depths and edge.dst in depths],
        truncated=truncated,
        depths={pk: depths[pk] for pk in near},
        total_seen=seen,
    )


def _flows(edge: EdgeRow, nodes: Mapping[int, NodeRow]) -> bool:
    """Return whether an edge counts today. The edge from an ended deployment to its endpoint does not."""
    return edge.rel != Relation.SERVES or is_served(orjson.loads(nodes[edge.src].attrs), None)
