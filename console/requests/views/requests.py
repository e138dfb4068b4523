"""The page of one transition request, and the part of it that reloads while checks run."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from approvals.oversight.completeness import completeness_of
from console.requests.presenters.live import live_part
from console.requests.presenters.requests import request_page
from console.shell.pages import Crumb, page, render_page
from core.actors import Actor


@require_safe
@page
def request_detail(request: HttpRequest, actor: Actor, request_id: str) -> HttpResponse:
    """Show one request."""
    page_data = request_page(actor, request_id)
    crumbs = [Crumb("Requests", reverse("admin:approvals_transitionrequest_changelist"))]
    title = f"#{page_data.live.request.pk}"
    return render_page(
        request,
        "console/requests/request.html",
        title,
        crumbs=crumbs,
        page=page_data,
        live=page_data.live,
        completeness=completeness_of(page_data.live.request.version),
    )


@require_safe
@page
def request_live(request: HttpRequest, actor: Actor, request_id: int) -> HttpResponse:
    """Return the verdict and the checks as a fragment. When nothing runs any more, the whole page is loaded again."""
    live = live_part(actor, request_id)
    response = render(request, "console/requests/_live.html", {"live": live})
    if not live.is_updating:
        response["HX-Refresh"] = "true"
    return response
