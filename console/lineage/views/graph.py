"""Lineage: what an artifact was made from, and what was made from it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from console.lineage.presenters import KINDS, graph_page
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
    """Show the graph around a node; without one, offer where to start."""
    urn = request.GET.get("node", "")
    if not urn:
        return _start(request, actor)
    shown = graph_page(actor, urn, direction=request.GET.get("direction", ""), picked=request.GET.get("picked", ""))
    crumbs = [Crumb("Lineage", "/lineage/")]
    legend = list(dict.fromkeys((look.css, _LEGEND[look.css]) for look in KINDS.values()))
    title = shown.root.full_name
    return render_page(request, "console/lineage/lineage.html", title, crumbs=crumbs, shown=shown, legend=legend)


def _start(request: HttpRequest, actor: Actor) -> HttpResponse:
    text = request.GET.get("q", "").strip()
    kinds = (None,) if text else (NodeKind.ENDPOINT, NodeKind.MODEL)
    found = [known_nodes(actor, nodes_matching(kind=kind, text=text, limit=MOST_SIFTED))[:_OFFERED] for kind in kinds]
    rows = [(node, KINDS[node.kind]) for nodes in found for node in nodes]
    return render_page(request, "console/lineage/lineage_start.html", "Lineage", rows=rows, text=text)
