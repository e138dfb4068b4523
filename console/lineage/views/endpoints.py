"""What answers requests, and which versions stand behind it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from console.lineage.queries import endpoint_rows
from console.shell.pages import page, paginate, render_page
from core.actors import Actor


@page
def endpoint_list(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List endpoints with their live deployments."""
    rows = paginate(request, endpoint_rows(actor))
    return render_page(request, "console/lineage/endpoints.html", "Endpoints", rows=rows)
