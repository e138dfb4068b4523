"""The lineage page of one node, and the list to choose a node from."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import UTC, datetime, time

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.dateparse import parse_date, parse_datetime

from console.lineage.drawing import drawn_graph
from console.lineage.graph_views import GraphOptions, GraphPage
from console.lineage.kinds import KINDS
from console.lineage.listing import listed_nodes
from console.lineage.presenters import DIRECTIONS, graph_page
from console.lineage.suggestions import graph_suggestions
from console.shell.pages import Crumb, page, render_page
from core.actors import Actor
from core.errors import InvalidInput
from core.ids import row_id
from core.spreadsheets import csv_cell
from lineage.models import NodeKind
from lineage.queries import nodes_matching
from lineage.suggestions.generate import waiting_changes
from lineage.suggestions.methods import Suggestion
from lineage.visibility import MAX_SIFTED, known_nodes

_OFFERED = 60
_MAX_OPENED = 100
_LEGEND = {
    "data": "Data",
    "code": "Code",
    "run": "Run",
    "model": "Model",
    "deploy": "Deployment",
    "endpoint": "Endpoint",
}
_MARKS = {"is-quarantined": "Quarantined", "is-tainted": "Descends from quarantined data"}


@page
def lineage_page(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Show the graph around a node. Without a node, show a list to choose from."""
    urn = request.GET.get("node", "")
    if not urn:
        return _start(request, actor)
    page_data = graph_page(actor, urn, _options(request))
    form = request.GET.get("format", "")
    if form == "csv":
        return _csv(page_data)
    if form == "svg":
        response = render(request, "console/lineage/graph.svg", {"page": page_data}, content_type="image/svg+xml")
        response["Content-Disposition"] = 'attachment; filename="lineage.svg"'
        return response
    crumbs = [Crumb("Lineage", reverse("console:lineage"))]
    is_suggested = request.GET.get("suggested") == "1"
    suggestions = graph_suggestions(actor, page_data) if is_suggested else []
    legend = list(dict.fromkeys((kind.css, _LEGEND[kind.css]) for kind in KINDS.values()))
    return render_page(
        request,
        "console/lineage/lineage.html",
        page_data.root.full_name,
        crumbs=crumbs,
        page=page_data,
        drawing=drawn_graph(page_data, suggestions),
        rows=listed_nodes(page_data.nodes),
        is_unfolded=bool(request.GET.get("unfold")),
        is_suggested=is_suggested,
        suggestions=suggestions,
        waiting=waiting_changes(actor) if is_suggested else 0,
        legend=legend,
        marks=_marks(page_data, suggestions),
        directions=list(DIRECTIONS.items()),
    )


def _marks(page_data: GraphPage, suggestions: Sequence[Suggestion]) -> list[tuple[str, str]]:
    """Return the styles of boxes and edges that the graph has, with the meaning of each."""
    styles = {css for node in page_data.drawn for css in node.css.split()}
    marks = [(css, text) for css, text in _MARKS.items() if css in styles]
    return [*marks, ("is-suggested", "Suggested edge")] if suggestions else marks


def _options(request: HttpRequest) -> GraphOptions:
    """Return the options from the query string. Raises InvalidInput for an invalid time."""
    text = request.GET.get("as_of", "").strip()
    moment = parse_datetime(text) or _end_of(text)
    if text and moment is None:
        raise InvalidInput(f"{text[:50]!r} is not a date. Write it as 2026-11-29.")
    if moment is not None and moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    numbers = [number for part in request.GET.get("unfold", "").split(",") if (number := row_id(part))]
    return GraphOptions(
        direction=request.GET.get("direction", ""),
        selected=request.GET.get("picked", ""),
        as_of=moment,
        unfold=frozenset(numbers[:_MAX_OPENED]),
    )


def _end_of(text: str) -> datetime | None:
    """Return the last moment of an ISO date, None for any other text."""
    try:
        day = parse_date(text)
    except ValueError:
        return None
    return datetime.combine(day, time.max, tzinfo=UTC) if day else None


def _csv(page_data: GraphPage) -> HttpResponse:
    """Return the list of nodes as a CSV file."""
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="lineage.csv"'
    writer = csv.writer(response)
    writer.writerow(["kind", "name", "version", "distance", "inputs", "digest", "urn"])
    for node in page_data.nodes:
        row = (node.kind.text, node.name, node.version, node.depth, "; ".join(node.inputs), node.digest, node.urn)
        writer.writerow(csv_cell(cell) for cell in row)
    return response


def _start(request: HttpRequest, actor: Actor) -> HttpResponse:
    text = request.GET.get("q", "").strip()
    kinds = (None,) if text else (NodeKind.ENDPOINT, NodeKind.MODEL)
    nodes_by_kind = [
        known_nodes(actor, nodes_matching(kind=kind, text=text, limit=MAX_SIFTED))[:_OFFERED] for kind in kinds
    ]
    rows = [(node, KINDS[node.kind]) for nodes in nodes_by_kind for node in nodes]
    return render_page(request, "console/lineage/lineage_start.html", "Lineage", rows=rows, text=text)
