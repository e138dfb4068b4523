"""The lineage page of one node, and the list to choose a node from."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from console.lineage.presenters import DIRECTIONS, KINDS, graph_page
from console.shell.pages import Crumb, page, render_page
from core.actors import Actor
from lineage.models import NodeKind
from lineage.queries import nodes_matching
from lineage.visibility import MOST_SIFTED, known_nodes

_OFFERED = 60
_LEGEND = {
    "data": "Data",
    "code": "Code",
    "run": "Run",
    "model": "Model",
    "deploy": "Deployment",
    "endpoint": "Endpoint",
}


@page
def lineage_page(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Show the graph around a node. Without a node, show a list to choose from."""
    urn = request.GET.get("node", "")
    if not urn:
        return _start(request, actor)
    shown = graph_page(actor, urn, direction=request.GET.get("direction", ""), picked=request.GET.get("picked", ""))
    crumbs = [Crumb("Lineage", reverse("console:lineage"))]
    legend = list(dict.fromkeys((kind.css, _LEGEND[kind.css]) for kind in KINDS.values()))
    return render_page(
        request,
        "console/lineage/lineage.html",
        shown.root.full_name,
        crumbs=crumbs,
        shown=shown,
        legend=legend,
        directions=list(DIRECTIONS.items()),
    )


def _start(request: HttpRequest, actor: Actor) -> HttpResponse:
    text = request.GET.get("q", "").strip()
    kinds = (None,) if text else (NodeKind.ENDPOINT, NodeKind.MODEL)
    nodes_by_kind = [
        known_nodes(actor, nodes_matching(kind=kind, text=text, limit=MOST_SIFTED))[:_OFFERED] for kind in kinds
    ]
    rows = [(node, KINDS[node.kind]) for nodes in nodes_by_kind for node in nodes]
    return render_page(request, "console/lineage/lineage_start.html", "Lineage", rows=rows, text=text)
