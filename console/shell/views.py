"""The raw rows, for those who run the server."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from console.shell.pages import page, render_page
from core.actors import Actor
from core.errors import NotFound


@page
def record_list(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List every table that the admin shows, read-only but for people and groups."""
    if not actor.is_superuser:
        raise NotFound("There is no such page.")
    return render_page(request, "console/shell/records.html", "Records", apps=admin.site.get_app_list(request))
