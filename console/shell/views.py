"""The list of the admin's tables, for superusers, and the drafts of forms."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_http_methods, require_POST

from console.shell.drafts import discard_draft, load_draft, save_draft
from console.shell.pages import page, render_page
from core.actors import Actor
from core.errors import NotFound
from core.times import iso_utc


@page
def record_list(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List every table of the admin. Raises NotFound for everybody but superusers."""
    if not actor.is_superuser:
        raise NotFound("There is no page at this address.")
    return render_page(request, "console/shell/records.html", "Records", apps=admin.site.get_app_list(request))


@page
@require_http_methods(["GET", "POST"])
def form_draft(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Return the draft of the form at the address ``key`` (204 where there is none), or save one."""
    if request.method == "POST":
        draft = save_draft(actor, request.POST.get("key", ""), request.POST.get("fields", ""))
        return JsonResponse({"saved_at": iso_utc(draft.saved_at)})
    saved = load_draft(actor, request.GET.get("key", ""))
    if saved is None:
        return HttpResponse(status=204)
    return JsonResponse({"saved_at": iso_utc(saved.saved_at), "fields": saved.fields})


@page
@require_POST
def form_draft_discard(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Delete the draft of the form at the address ``key``."""
    discard_draft(actor, request.POST.get("key", ""))
    return HttpResponse(status=204)
