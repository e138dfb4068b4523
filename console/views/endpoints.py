"""What answers requests, and which versions stand behind it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from console.pages import page, paginate, render_page
from console.queries import endpoint_rows
from core.actors import Actor


@page
def endpoint_list(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List endpoints with their live deployments."""
    rows = paginate(request, endpoint_rows(actor))
    return render_page(request, "console/endpoints.html", "Endpoints", rows=rows)
