"""The SVG of the lineage graph, joined from strings: for 300 nodes a template takes four times as long."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape

from django.utils.safestring import SafeString, mark_safe

from console.lineage.graph_views import GraphPage, NodeView, PathView
from lineage.graph.layout import NodeBox
from lineage.suggestions.methods import Suggestion

_CHIP = 30
_UNFOLD = 58


def drawn_graph(page: GraphPage, suggestions: Iterable[Suggestion] = ()) -> SafeString:
    """Return the SVG elements of a graph: its edges, the suggested edges (dashed), and its nodes with their links."""
    boxes = {node.id: node.box for node in page.drawn if node.box}
    parts = [_edge(path) for path in page.paths]
    parts += [_suggested(row, boxes) for row in suggestions if row.src.pk in boxes and row.dst.pk in boxes]
    for node in page.drawn:
        if node.box:
            parts.append(_node(node, node.box))
            if node.unfold_url:
                parts.append(_unfold(node, node.box))
            parts += [_chip(node, node.box, count, side) for side, count in page.more.get(node.id, {}).items()]
    return mark_safe("\n".join(parts))  # noqa: S308 - every text is escaped below


def _edge(view: PathView) -> str:
    path = view.path
    return (
        f'<path class="edge {view.css}" data-from="{path.source}" data-to="{path.target}" d="{path.d}" '
        f'marker-end="url(#arrow)"><title>{escape(view.relations)}</title></path>'
    )


def _suggested(suggestion: Suggestion, boxes: Mapping[int, NodeBox]) -> str:
    """Return a dashed curve from the right of one box to the left of another."""
    src, dst = boxes[suggestion.src.pk], boxes[suggestion.dst.pk]
    x1, y1, x2, y2 = src.x + src.width, src.y + src.height / 2, dst.x, dst.y + dst.height / 2
    middle = (x1 + x2) / 2
    return (
        f'<path class="edge is-suggested" d="M{x1:.1f} {y1:.1f}C{middle:.1f} {y1:.1f} {middle:.1f} {y2:.1f} '
        f'{x2:.1f} {y2:.1f}" marker-end="url(#arrow)"><title>Suggested: {escape(suggestion.evidence)}</title></path>'
    )


def _node(node: NodeView, box: NodeBox) -> str:
    name, kind = escape(node.full_name), escape(node.kind.text)
    spoken_taint = f", {node.taint}" if node.taint else ""
    shown_taint = f" ({node.taint})" if node.taint else ""
    x, y = box.x, box.y
    stack = (
        f'<rect class="box fold" x="{x + 4:.1f}" y="{y + 4:.1f}" width="{box.width}" height="{box.height}" rx="9"/>'
        if node.count > 1
        else ""
    )
    return (
        f'<a class="node {node.css}" href="{escape(node.select_url)}" data-id="{node.id}" '
        f'data-sources="{" ".join(map(str, node.sources))}" data-name="{name}" data-page="{escape(node.page_url)}" '
        f'data-centre="{escape(node.centre_url)}" data-urn="{escape(node.urn)}" '
        f'aria-label="{kind} {name}{spoken_taint}, trace its inputs">{stack}'
        f'<rect class="box" x="{x:.1f}" y="{y:.1f}" width="{box.width}" height="{box.height}" rx="9"/>'
        f'<rect class="bar k-{node.kind.css}" x="{x:.1f}" y="{y + 10:.1f}" width="4" '
        f'height="{box.height - 20}" rx="2"/>'
        f'<text class="kind" x="{x + 14:.1f}" y="{y + 22:.1f}">{kind}</text>'
        f'<text x="{x + 14:.1f}" y="{y + 40:.1f}">{escape(node.label)}</text>'
        f"<title>{name}{shown_taint}</title></a>"
    )


def _unfold(node: NodeView, box: NodeBox) -> str:
    """Return the "show all" at the lower edge of a box of folded runs: a link to this graph with each run drawn."""
    x, y = box.x + box.width - _UNFOLD - 8, box.y + box.height - 4
    label = f"Show all {escape(node.full_name)}"
    return (
        f'<a class="more" href="{escape(node.unfold_url)}" aria-label="{label}">'
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{_UNFOLD}" height="16" rx="8"/>'
        f'<text x="{x + _UNFOLD / 2:.1f}" y="{y + 12:.1f}">show all</text><title>{label}</title></a>'
    )


def _chip(node: NodeView, box: NodeBox, count: int, side: str) -> str:
    """Return the "+3" beside a node whose neighbours are not all drawn: a link to the graph around that node."""
    x = box.x - _CHIP + 6 if side == "up" else box.x + box.width - 6
    y = box.y + box.height - 10
    neighbours = "inputs" if side == "up" else "descendants"
    label = f"{count} more {neighbours if count > 1 else neighbours[:-1]} of {escape(node.full_name)}: centre the graph on it"
    return (
        f'<a class="more" href="{escape(node.centre_url)}" aria-label="{label}">'
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{_CHIP}" height="16" rx="8"/>'
        f'<text x="{x + _CHIP / 2:.1f}" y="{y + 12:.1f}">+{count}</text><title>{label}</title></a>'
    )
