"""The lineage page: the ancestors and descendants of one node, as a drawing and as a list."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from console.shell.links import lineage_url, page_url
from core.actors import Actor
from core.errors import InvalidInput
from lineage.layout import MAX_DRAWN, EdgePath, NodeBox, layout
from lineage.models import Edge, Node, NodeKind, Relation
from lineage.queries import Closure, ancestors, descendants, find_node
from lineage.visibility import hidden_nodes, require_visible

# The directions of the page, with the text of each.
DIRECTIONS = {"up": "Ancestors", "down": "Impact", "both": "Both"}
_CONTAINERS = (NodeKind.DATASET, NodeKind.MODEL)
_NAME = 22


@dataclass(frozen=True, slots=True)
class NodeKindLabel:
    """Drawing and name of a kind of node."""

    css: str
    icon: str
    text: str


KINDS: dict[int, NodeKindLabel] = {
    NodeKind.DATASET: NodeKindLabel("data", "database", "Dataset"),
    NodeKind.DATASET_VERSION: NodeKindLabel("data", "database", "Dataset version"),
    NodeKind.CODE_VERSION: NodeKindLabel("code", "code", "Code"),
    NodeKind.ENVIRONMENT: NodeKindLabel("code", "package_2", "Environment"),
    NodeKind.RUN: NodeKindLabel("run", "model_training", "Run"),
    NodeKind.MODEL: NodeKindLabel("model", "deployed_code", "Model"),
    NodeKind.MODEL_VERSION: NodeKindLabel("model", "deployed_code", "Model version"),
    NodeKind.EVALUATION: NodeKindLabel("run", "assessment", "Evaluation"),
    NodeKind.DEPLOYMENT: NodeKindLabel("deploy", "rocket_launch", "Deployment"),
    NodeKind.ENDPOINT: NodeKindLabel("endpoint", "api", "Endpoint"),
}


@dataclass(frozen=True, slots=True)
class NodeView:
    """One node: its names and pages, its direct inputs (``sources``: ids, ``inputs``: names), and how it is drawn.

    ``depth`` is its distance from the root, negative for ancestors. ``centre_url`` is the graph around it, ``pick_url``
    this graph with its ancestors highlighted.
    """

    id: int
    urn: str
    kind: NodeKindLabel
    name: str
    version: str
    digest: str
    depth: int
    is_ancestor: bool
    sources: tuple[int, ...]
    inputs: tuple[str, ...]
    page_url: str
    centre_url: str
    pick_url: str
    css: str
    box: NodeBox | None

    @property
    def label(self) -> str:
        """Return the name that fits the box."""
        full = f"{self.name} {self.version}".strip()
        return full if len(full) <= _NAME else f"{full[: _NAME - 1]}…"

    @property
    def distance(self) -> str:
        """Return how many steps the node is from the root, and in which direction."""
        if not self.depth:
            return "—"
        steps = f"{abs(self.depth)} step{'' if abs(self.depth) == 1 else 's'}"
        return f"{steps} {'up' if self.is_ancestor else 'down'}"

    @property
    def full_name(self) -> str:
        """Return the name with the version."""
        return f"{self.name} {self.version}".strip()


@dataclass(frozen=True, slots=True)
class PathView:
    """One drawn edge with its relations in words; ``css`` highlights it or dims it."""

    path: EdgePath
    relations: str
    css: str


@dataclass(frozen=True, slots=True)
class GraphPage:
    """The graph around one node. ``picked`` is the node whose ancestors are highlighted, ``lit_count`` their number."""

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
    """Return the graph around a node. NotFound; InvalidInput for an unknown direction."""
    root = find_node(urn)
    require_visible(actor, root)
    if direction and direction not in DIRECTIONS:
        raise InvalidInput(f"Unknown direction {direction[:50]!r}. Choose {', '.join(DIRECTIONS)}.")
    chosen = direction or ("up" if root.kind in (NodeKind.ENDPOINT, NodeKind.DEPLOYMENT) else "both")
    closure = _closure(root, chosen)
    nodes = [node for node in closure.nodes if node.kind not in _CONTAINERS]
    drawing = layout(nodes, closure.edges)
    sources = _sources(closure.edges)
    hidden = hidden_nodes(actor, closure.nodes)
    picked_id = next((node.pk for node in nodes if node.urn == picked and node.pk not in hidden), None)
    lit = _upstream(picked_id, sources) if picked_id else frozenset()
    builder = _ViewBuilder(
        root, chosen, closure, sources, hidden, lit, picked_id, drawing.boxes, _names(closure.nodes, hidden)
    )
    views = {node.pk: builder.view(node) for node in closure.nodes}
    root_view = views.get(root.pk) or builder.view(root)
    return GraphPage(
        root=root_view,
        direction=chosen,
        nodes=sorted((views[node.pk] for node in nodes), key=lambda view: (abs(view.depth), view.kind.text, view.name)),
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
    sources: dict[int, list[int]] = defaultdict(list)
    for edge in edges:
        if edge.src_id not in sources[edge.dst_id]:
            sources[edge.dst_id].append(edge.src_id)
    return sources


def _upstream(start: int, sources: dict[int, list[int]]) -> frozenset[int]:
    """Return a node and its ancestors in the drawn graph."""
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
    """Return the name and the version of a node as they are shown."""
    match node.kind:
        case NodeKind.MODEL_VERSION:
            return node.name, f"v{node.version}"
        case NodeKind.CODE_VERSION:
            return (node.name if node.name != node.version else "commit"), node.version[:10]
        case _:
            return node.name, node.version[:24]


@dataclass(frozen=True, slots=True)
class _ViewBuilder:
    """Data that the views of all nodes share."""

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
        """Return how one node is shown; a hidden one without its name."""
        name, version = _shown(node)
        is_hidden = node.pk in self.hidden
        inputs = self.sources.get(node.pk, [])
        depth = self.closure.depths.get(node.pk, 0)
        return NodeView(
            id=node.pk,
            urn="" if is_hidden else node.urn,
            kind=KINDS[node.kind],
            name="A model you may not see" if is_hidden else name,
            version="" if is_hidden else version,
            digest="" if is_hidden else node.digest,
            depth=depth,
            is_ancestor=depth < 0 or self.direction == "up",
            sources=tuple(inputs),
            inputs=tuple(self.names[pk] for pk in inputs if pk in self.names),
            page_url="" if is_hidden else _page_of(node),
            centre_url="" if is_hidden else lineage_url(node.urn),
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
    """Return the address of a node's own page, "" where it has only the lineage page."""
    url = page_url(node.urn)
    return "" if url.startswith(lineage_url(node.urn).split("?")[0]) else url


def _path(path: EdgePath, edges: Sequence[Edge], lit: frozenset[int]) -> PathView:
    ids = set(path.edge_ids)
    words = sorted({f"{Relation(edge.rel).label} {edge.role}".strip() for edge in edges if edge.pk in ids})
    css = "" if not lit else "lit" if path.source in lit and path.target in lit else "dim"
    return PathView(path, ", ".join(words), css)
