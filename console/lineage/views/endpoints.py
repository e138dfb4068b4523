"""The list of endpoints with the versions that they serve."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from console.lineage.queries import endpoint_rows, live_versions
from console.shell.pages import page, paginate, render_page
from core.actors import Actor
from registry.queries import tainted_versions


@page
def endpoint_list(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List endpoints with their live deployments."""
    rows = paginate(request, endpoint_rows(actor))
    tainted = tainted_versions(live_versions(rows))
    return render_page(request, "console/lineage/endpoints.html", "Endpoints", rows=rows, tainted=tainted)
