"""One transition request: the page, and the part of it that is asked for again while checks run."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from console.requests.presenters.requests import live_part, request_page
from console.shell.pages import Crumb, page, render_page
from core.actors import Actor


@require_safe
@page
def request_detail(request: HttpRequest, actor: Actor, request_id: str) -> HttpResponse:
    """Show one request."""
    shown = request_page(actor, request_id)
    crumbs = [Crumb("Requests", reverse("admin:approvals_transitionrequest_changelist"))]
    title = f"#{shown.live.request.pk}"
    return render_page(request, "console/requests/request.html", title, crumbs=crumbs, shown=shown, live=shown.live)


@require_safe
@page
def request_live(request: HttpRequest, actor: Actor, request_id: int) -> HttpResponse:
    """Answer verdict and checks as a fragment; once nothing moves any more, have the whole page loaded again."""
    live = live_part(actor, request_id)
    response = render(request, "console/requests/_live.html", {"live": live})
    if not live.is_moving:
        response["HX-Refresh"] = "true"
    return response
