"""The rows of the graph as a list, joined from strings: for 300 nodes a template takes several times as long."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from django.utils.safestring import SafeString, mark_safe

from console.lineage.graph_views import NodeView
from console.shell.formatting import short_digest

_BAD = '<span class="material-symbols-outlined" aria-hidden="true">gpp_bad</span>'


def listed_nodes(nodes: Iterable[NodeView]) -> SafeString:
    """Return the rows of the table of nodes: name, kind, distance, inputs and digest."""
    return mark_safe("\n".join([_row(node) for node in nodes]))  # noqa: S308 - every text is escaped below


def _row(node: NodeView) -> str:
    name, taint = escape(node.full_name), node.taint
    url = node.page_url or node.centre_url
    artifact = f'<a href="{escape(url)}">{name}</a>' if url else str(name)
    if node.count > 1:
        artifact += f' <a class="c-btn is-small" href="{escape(node.unfold_url)}">Show all {node.count} runs</a>'
    if taint:
        artifact += f' <span class="c-badge is-bad">{_BAD}{taint}</span>'
    return (
        f'<tr><th scope="row" data-label="Artifact">{artifact}</th>'
        f'<td data-label="Kind" class="c-once">{escape(node.kind.text)}</td><td data-label="Distance" class="c-once">{node.distance}</td>'
        f'<td data-label="Inputs" class="c-wide">{escape(", ".join(node.inputs)) or "—"}</td>'
        f'<td data-label="Digest">{_digest(node.digest)}</td></tr>'
    )


def _digest(digest: str) -> str:
    if not digest:
        return "—"
    return f'<code class="c-digest" title="{escape(digest)}">{escape(short_digest(digest))}</code>'
