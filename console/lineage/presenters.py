"""The lineage page: the ancestors and descendants of one node, as a drawing and as a list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote_plus, urlencode

from console.lineage.closures import (
    closure_of,
    drawn_edges,
    folded,
    folds_of,
    highlighted_from,
    more_beyond,
    sources_of,
    visible_part,
)
from console.lineage.graph_views import GraphOptions, GraphPage, NodeView, PathView
from console.lineage.kinds import KINDS
from console.shell.formatting import version_text
from console.shell.links import lineage_url, page_url
from core.actors import Actor
from core.errors import InvalidInput
from core.times import iso_utc
from lineage.graph.layout import Drawing, EdgePath, NodeBox, layout
from lineage.graph.reads import EdgeRow, NodeRow
from lineage.identity.names import UNKNOWN_REPOSITORY
from lineage.models import Node, NodeKind, Relation
from lineage.quarantine import quarantined_and_below
from lineage.queries import Closure, find_visible

# The directions of the page, with the text of each.
DIRECTIONS = {"up": "Ancestors", "down": "Impact", "both": "Both"}
_CONTAINERS = (NodeKind.DATASET, NodeKind.MODEL)
_RELATIONS = {rel.value: str(rel.label) for rel in Relation}
_LONGEST_VERSION = 24


def graph_page(actor: Actor, urn: str, options: GraphOptions) -> GraphPage:
    """Return the graph around a node. Raises NotFound. Also raises InvalidInput for an unknown direction."""
    direction, selected = options.direction, options.selected
    root = find_visible(actor, urn)
    if direction and direction not in DIRECTIONS:
        raise InvalidInput(f"Unknown direction {direction[:50]!r}. Choose {', '.join(DIRECTIONS)}.")
    chosen = direction or ("up" if root.kind in (NodeKind.ENDPOINT, NodeKind.DEPLOYMENT) else "both")
    whole = visible_part(actor, closure_of(root, chosen, options.as_of))
    folds = folds_of(whole, keep=root.pk, opened=options.unfold)
    closure = folded(whole, folds)
    nodes = [node for node in closure.nodes if node.kind not in _CONTAINERS]
    drawing = layout(nodes, drawn_edges(closure, chosen))
    sources = sources_of(closure.edges)
    selected_id = next((node.pk for node in nodes if node.urn == selected), None)
    highlighted = highlighted_from(selected_id, closure.edges, chosen) if selected_id else frozenset()
    base = lineage_url("").partition("?")[0]
    builder = _ViewBuilder(
        root,
        chosen,
        closure,
        sources,
        highlighted,
        selected_id,
        drawing.boxes,
        _names(closure.nodes),
        _taint(closure.nodes),
        folds,
        options,
        more_beyond(actor, whole, chosen) if whole.truncated and options.as_of is None else {},
        base,
        _address(base, root, chosen, options),
    )
    return builder.page(nodes, drawing)


def _taint(nodes: Sequence[NodeRow]) -> dict[int, str]:
    """Return the style of each node that is quarantined or descends from quarantined data."""
    bad, below = quarantined_and_below([node.pk for node in nodes])
    return dict.fromkeys(below, "is-tainted") | dict.fromkeys(bad, "is-quarantined")


def _names(nodes: Sequence[NodeRow]) -> dict[int, str]:
    return {node.pk: " ".join(_name_and_version(node)).strip() for node in nodes}


def _name_and_version(node: Node | NodeRow) -> tuple[str, str]:
    """Return the name and the version of a node as they are shown."""
    match node.kind:
        case NodeKind.MODEL_VERSION:
            return node.name, f"v{node.version}"
        case NodeKind.CODE_VERSION:
            return ("commit" if node.name.startswith(UNKNOWN_REPOSITORY) else node.name), node.version[:10]
        case _:
            return node.name, version_text(node.version, _LONGEST_VERSION)


@dataclass(frozen=True, slots=True)
class _ViewBuilder:
    """Data that the views of all nodes share. ``address`` is the address of this graph, without a highlighted node."""

    root: Node
    direction: str
    closure: Closure
    sources: dict[int, list[int]]
    highlighted: frozenset[int]
    selected: int | None
    boxes: dict[int, NodeBox]
    names: dict[int, str]
    taint: dict[int, str]
    folds: dict[int, tuple[int, ...]]
    options: GraphOptions
    more: Mapping[int, Mapping[str, int]]
    base: str
    address: str

    def page(self, nodes: Sequence[NodeRow], drawing: Drawing) -> GraphPage:
        """Return the page of the nodes that are drawn."""
        views = {node.pk: self.view(node) for node in self.closure.nodes}
        listed = [views[node.pk] for node in nodes]
        edges = {edge.id: edge for edge in self.closure.edges}
        return GraphPage(
            root=views.get(self.root.pk) or self.view(self.root),
            direction=self.direction,
            nodes=sorted(listed, key=lambda view: (view.kind is KINDS[NodeKind.RUN], abs(view.depth), view.name)),
            drawn=sorted(listed, key=lambda view: (view.box.x, view.box.y) if view.box else (0, 0)),
            paths=[_path(path, edges, self.highlighted) for path in drawing.paths],
            width=drawing.width,
            height=drawing.height,
            truncated=self.closure.truncated,
            selected=views[self.selected] if self.selected else None,
            highlighted_count=max(len(self.highlighted) - 1, 0),
            folded=sum(len(members) - 1 for members in self.folds.values()),
            as_of=self.options.as_of,
            more=self.more,
            ids=frozenset([*views, *(pk for members in self.folds.values() for pk in members)]),
        )

    def view(self, node: Node | NodeRow) -> NodeView:
        """Return one node as the templates show it."""
        name, version = _name_and_version(node)
        inputs = self.sources.get(node.pk, [])
        depth = self.closure.depths.get(node.pk, 0)
        quoted = quote_plus(node.urn)
        return NodeView(
            id=node.pk,
            urn=node.urn,
            kind=KINDS[node.kind],
            name=name,
            version=version,
            digest=node.digest,
            depth=depth,
            is_ancestor=depth < 0 or self.direction == "up",
            sources=tuple(inputs),
            inputs=tuple(self.names[pk] for pk in inputs if pk in self.names),
            page_url=self._page_of(node),
            centre_url=f"{self.base}?node={quoted}",
            select_url=self.address if node.pk == self.selected else f"{self.address}&picked={quoted}",
            css=self._css(node),
            box=self.boxes.get(node.pk),
            count=len(self.folds.get(node.pk, (node.pk,))),
            unfold_url=self._unfold_url(node) if node.pk in self.folds else "",
        )

    def _unfold_url(self, node: Node | NodeRow) -> str:
        unfold = frozenset({*self.options.unfold, node.pk})
        return _address(self.base, self.root, self.direction, replace(self.options, unfold=unfold))

    def _page_of(self, node: Node | NodeRow) -> str:
        """Return the address of a node's own page, "" where it has only the lineage page."""
        url = page_url(node.urn)
        return "" if url.startswith(self.base) else url

    def _css(self, node: Node | NodeRow) -> str:
        classes = ["is-root"] if node.pk == self.root.pk else []
        if node.pk in self.taint:
            classes.append(self.taint[node.pk])
        if self.highlighted:
            classes.append("lit" if node.pk in self.highlighted else "dim")
        return " ".join([*classes, *(["picked"] if node.pk == self.selected else [])])


def _address(base: str, root: Node, direction: str, options: GraphOptions) -> str:
    """Return the address of the graph around a node in a direction, without a highlighted node."""
    query = {"node": root.urn, "direction": direction}
    if options.unfold:
        query["unfold"] = ",".join(map(str, sorted(options.unfold)))
    if options.as_of is not None:
        query["as_of"] = iso_utc(options.as_of)
    return f"{base}?{urlencode(query)}"


def _path(path: EdgePath, edges: Mapping[int, EdgeRow], highlighted: frozenset[int]) -> PathView:
    drawn_edges = [edges[pk] for pk in path.edge_ids if pk in edges]
    relations = sorted({f"{_RELATIONS[edge.rel]} {edge.role}".strip() for edge in drawn_edges})
    css = "" if not highlighted else "lit" if path.source in highlighted and path.target in highlighted else "dim"
    return PathView(path, ", ".join(relations), css)
