"""The lineage page: a drawing, and the same graph as a list, of what flowed into or out of one node."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from console.shell.links import lineage_url, place_of
from core.actors import Actor
from core.errors import InvalidInput
from lineage.layout import MAX_DRAWN, EdgePath, NodeBox, layout
from lineage.models import Edge, Node, NodeKind, Relation
from lineage.queries import Closure, ancestors, descendants, find_node
from lineage.visibility import hidden_nodes, require_visible

DIRECTIONS = ("up", "down", "both")
_CONTAINERS = (NodeKind.DATASET, NodeKind.MODEL)
_NAME = 22


@dataclass(frozen=True, slots=True)
class KindLook:
    """How a kind of node is drawn and named."""

    css: str
    icon: str
    word: str


KINDS: dict[int, KindLook] = {
    NodeKind.DATASET: KindLook("data", "database", "Dataset"),
    NodeKind.DATASET_VERSION: KindLook("data", "database", "Dataset version"),
    NodeKind.CODE_VERSION: KindLook("code", "code", "Code"),
    NodeKind.ENVIRONMENT: KindLook("code", "package_2", "Environment"),
    NodeKind.RUN: KindLook("run", "model_training", "Run"),
    NodeKind.MODEL: KindLook("model", "deployed_code", "Model"),
    NodeKind.MODEL_VERSION: KindLook("model", "deployed_code", "Model version"),
    NodeKind.EVALUATION: KindLook("run", "assessment", "Evaluation"),
    NodeKind.DEPLOYMENT: KindLook("deploy", "rocket_launch", "Deployment"),
    NodeKind.ENDPOINT: KindLook("endpoint", "api", "Endpoint"),
}


@dataclass(frozen=True, slots=True)
class NodeView:
    """One node: its names, its pages, its direct inputs (ids), how far it is, and how it is lit."""

    id: int
    urn: str
    look: KindLook
    name: str
    version: str
    digest: str
    depth: int
    sources: tuple[int, ...]
    inputs: tuple[str, ...]
    page_url: str
    start_url: str
    pick_url: str
    css: str
    box: NodeBox | None

    @property
    def label(self) -> str:
        """Return the name that fits the box."""
        full = f"{self.name} {self.version}".strip()
        return full if len(full) <= _NAME else f"{full[: _NAME - 1]}…"

    @property
    def full_name(self) -> str:
        return f"{self.name} {self.version}".strip()


@dataclass(frozen=True, slots=True)
class PathView:
    """One drawn edge, with whether it is lit."""

    path: EdgePath
    relations: str
    css: str


@dataclass(frozen=True, slots=True)
class GraphPage:
    """The graph around one node."""

    root: NodeView
    direction: str
    nodes: list[NodeView]
    drawn: list[NodeView]
    paths: list[PathView]
    width: float
    height: float
    truncated: bool
    picked: NodeView | None
    lit_count: int


def graph_page(actor: Actor, urn: str, *, direction: str, picked: str = "") -> GraphPage:
    """Return what the page shows of a node. NotFound; InvalidInput for a direction that there is none of."""
    root = find_node(urn)
    require_visible(actor, root)
    if direction and direction not in DIRECTIONS:
        raise InvalidInput(f"The direction is one of {', '.join(DIRECTIONS)}.")
    chosen = direction or ("up" if root.kind in (NodeKind.ENDPOINT, NodeKind.DEPLOYMENT) else "both")
    closure = _closure(root, chosen)
    nodes = [node for node in closure.nodes if node.kind not in _CONTAINERS]
    drawing = layout(nodes, closure.edges)
    sources = _sources(closure.edges)
    hidden = hidden_nodes(actor, closure.nodes)
    picked_id = next((node.pk for node in nodes if node.urn == picked and node.pk not in hidden), None)
    lit = _upstream(picked_id, sources) if picked_id else frozenset()
    make = _Maker(root, chosen, closure, sources, hidden, lit, picked_id, drawing.boxes, _names(closure.nodes, hidden))
    views = {node.pk: make.view(node) for node in closure.nodes}
    root_view = views.get(root.pk) or make.view(root)
    return GraphPage(
        root=root_view,
        direction=chosen,
        nodes=sorted((views[node.pk] for node in nodes), key=lambda view: (abs(view.depth), view.look.word, view.name)),
        drawn=sorted(
            (views[node.pk] for node in nodes), key=lambda view: (view.box.x, view.box.y) if view.box else (0, 0)
        ),
        paths=[_path(path, closure.edges, lit) for path in drawing.paths],
        width=drawing.width,
        height=drawing.height,
        truncated=closure.truncated,
        picked=views[picked_id] if picked_id else None,
        lit_count=max(len(lit) - 1, 0),
    )


def _closure(root: Node, direction: str) -> Closure:
    if direction == "up":
        return ancestors(root, limit=MAX_DRAWN)
    if direction == "down":
        return descendants(root, limit=MAX_DRAWN)
    half = MAX_DRAWN // 2
    above, below = ancestors(root, limit=half), descendants(root, limit=half)
    nodes = {node.pk: node for node in [*above.nodes, *below.nodes]}
    edges = {edge.pk: edge for edge in [*above.edges, *below.edges]}
    depths = below.depths | {pk: -depth for pk, depth in above.depths.items() if depth}
    return Closure(
        root=root,
        nodes=list(nodes.values()),
        edges=list(edges.values()),
        truncated=above.truncated or below.truncated,
        depths=depths,
        total_seen=len(nodes),
    )


def _sources(edges: Iterable[Edge]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = defaultdict(list)
    for edge in edges:
        if edge.src_id not in found[edge.dst_id]:
            found[edge.dst_id].append(edge.src_id)
    return found


def _upstream(start: int, sources: dict[int, list[int]]) -> frozenset[int]:
    """Return a node and everything of the drawn graph that flowed into it."""
    seen, waiting = {start}, [start]
    while waiting:
        for source in sources.get(waiting.pop(), ()):
            if source not in seen:
                seen.add(source)
                waiting.append(source)
    return frozenset(seen)


def _names(nodes: Sequence[Node], hidden: frozenset[int]) -> dict[int, str]:
    return {node.pk: "a hidden model" if node.pk in hidden else " ".join(_shown(node)).strip() for node in nodes}


def _shown(node: Node) -> tuple[str, str]:
    """Return the name and version of a node as people say them."""
    match node.kind:
        case NodeKind.MODEL_VERSION:
            return node.name, f"v{node.version}"
        case NodeKind.CODE_VERSION:
            return (node.name if node.name != node.version else "commit"), node.version[:10]
        case _:
            return node.name, node.version[:24]


@dataclass(frozen=True, slots=True)
class _Maker:
    """What every node's view is made from."""

    root: Node
    direction: str
    closure: Closure
    sources: dict[int, list[int]]
    hidden: frozenset[int]
    lit: frozenset[int]
    picked: int | None
    boxes: dict[int, NodeBox]
    names: dict[int, str]

    def view(self, node: Node) -> NodeView:
        name, version = _shown(node)
        is_hidden = node.pk in self.hidden
        inputs = self.sources.get(node.pk, [])
        return NodeView(
            id=node.pk,
            urn="" if is_hidden else node.urn,
            look=KINDS[node.kind],
            name="A model you may not see" if is_hidden else name,
            version="" if is_hidden else version,
            digest="" if is_hidden else node.digest,
            depth=self.closure.depths.get(node.pk, 0),
            sources=tuple(inputs),
            inputs=tuple(self.names[pk] for pk in inputs if pk in self.names),
            page_url="" if is_hidden else _page_of(node),
            start_url="" if is_hidden else lineage_url(node.urn),
            pick_url=self._pick_url(node),
            css=self._css(node),
            box=self.boxes.get(node.pk),
        )

    def _pick_url(self, node: Node) -> str:
        more = {} if node.pk in self.hidden or node.pk == self.picked else {"picked": node.urn}
        return lineage_url(self.root.urn, direction=self.direction, **more)

    def _css(self, node: Node) -> str:
        words = ["is-root"] if node.pk == self.root.pk else []
        if self.lit:
            words.append("lit" if node.pk in self.lit else "dim")
        return " ".join([*words, *(["picked"] if node.pk == self.picked else [])])


def _page_of(node: Node) -> str:
    """Return a node's own page; "" for what has none besides this one."""
    url = place_of(node.urn)
    return "" if url.startswith(lineage_url(node.urn).split("?")[0]) else url


def _path(path: EdgePath, edges: Sequence[Edge], lit: frozenset[int]) -> PathView:
    ids = set(path.edge_ids)
    words = sorted({f"{Relation(edge.rel).label} {edge.role}".strip() for edge in edges if edge.pk in ids})
    css = "" if not lit else "lit" if path.source in lit and path.target in lit else "dim"
    return PathView(path, ", ".join(words), css)
