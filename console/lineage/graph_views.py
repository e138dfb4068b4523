"""Views of the lineage page: nodes, edges, and the graph around one node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from console.lineage.kinds import NodeKindLabel
from lineage.graph.layout import EdgePath, NodeBox
from lineage.identity.names import is_uri

_NAME = 22


@dataclass(frozen=True, slots=True)
class NodeView:
    """One node: its names and pages, its direct inputs (``sources``: ids, ``inputs``: names), and how it is drawn.

    ``depth`` is its distance from the root, negative for ancestors. ``centre_url`` is the graph around it, and
    ``select_url`` this graph with the node's ancestors or descendants highlighted. ``count`` is more than 1 where the
    node stands for folded runs, which ``unfold_url`` shows one by one.
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
    select_url: str
    css: str
    box: NodeBox | None
    count: int
    unfold_url: str

    @property
    def taint(self) -> str:
        """Return the problem of the node's data as text."""
        if "is-quarantined" in self.css:
            return "Quarantined"
        return "Descends from quarantined data" if "is-tainted" in self.css else ""

    @property
    def label(self) -> str:
        """Return the name, shortened to fit the box."""
        full = self.full_name
        if len(full) <= _NAME or self.count > 1:
            return _cut(full, _NAME)
        version = _cut(self.version.partition(",")[0], _NAME // 2)
        room = _NAME - len(version) - 1
        if not is_uri(self.name):
            return f"{_cut(self.name, room)} {version}".strip()
        last = self.name.rstrip("/").rpartition("/")[2]
        return f"{last if len(last) <= room else '…' + last[1 - room :]} {version}".strip()

    @property
    def distance(self) -> str:
        """Return how many steps the node is from the root, and in which direction."""
        if not self.depth:
            return "—"
        steps = f"{abs(self.depth)} step{'' if abs(self.depth) == 1 else 's'}"
        return f"{steps} {'up' if self.is_ancestor else 'down'}"

    @property
    def full_name(self) -> str:
        """Return the name with the version; for folded runs, how many there are."""
        if self.count > 1:
            return f"{self.count} runs like {self.name}"
        return f"{self.name} {self.version}".strip()


@dataclass(frozen=True, slots=True)
class PathView:
    """One drawn edge with its relations as text; ``css`` highlights it or dims it."""

    path: EdgePath
    relations: str
    css: str


@dataclass(frozen=True, slots=True)
class GraphPage:
    """The graph around one node.

    ``selected`` is the node whose ancestors or descendants are highlighted, ``highlighted_count`` of them. ``folded``
    is how many runs are not drawn because another run stands for them; ``ids`` has these runs too.
    """

    root: NodeView
    direction: str
    nodes: list[NodeView]
    drawn: list[NodeView]
    paths: list[PathView]
    width: float
    height: float
    truncated: bool
    selected: NodeView | None
    highlighted_count: int
    folded: int
    as_of: datetime | None
    more: Mapping[int, Mapping[str, int]]
    ids: frozenset[int]

    @property
    def highlight_label(self) -> str:
        """Return the name of the highlighted nodes: ancestors, descendants, or both."""
        return {"up": "ancestors", "down": "descendants"}.get(self.direction, "ancestors and descendants")


@dataclass(frozen=True, slots=True)
class GraphOptions:
    """Options of the graph page, from its address: direction, highlighted node, moment, and which folds are open."""

    direction: str = ""
    selected: str = ""
    as_of: datetime | None = None
    unfold: frozenset[int] = frozenset()


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
