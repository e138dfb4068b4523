"""The list of the admin's tables, for superusers."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from console.shell.pages import page, render_page
from core.actors import Actor
from core.errors import NotFound


@page
def record_list(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List every table of the admin. NotFound for everybody but superusers."""
    if not actor.is_superuser:
        raise NotFound("There is no page at this address.")
    return render_page(request, "console/shell/records.html", "Records", apps=admin.site.get_app_list(request))
