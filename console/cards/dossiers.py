"""The dossier of a promotion: its frozen page, and the export with the conformity pack, its events and their proofs."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from approvals.api.cards import pack_page_response
from approvals.packs.dossier import start_dossier
from console.shell.lookups import find_version
from console.shell.pages import page
from core.actors import Actor
from registry.queries import get_pack


@require_safe
@page
def pack_read(request: HttpRequest, actor: Actor, name: str, number: int, pack: int) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Show the first page of a conformity pack as it was frozen."""
    return pack_page_response(get_pack(find_version(actor, name, number), pack))


@page
@require_POST
def dossier(request: HttpRequest, actor: Actor, name: str, number: int, pack: int) -> HttpResponseRedirect:  # noqa: ARG001 - Django's signature
    """Start the export of a dossier."""
    job = start_dossier(actor=actor, pack=get_pack(find_version(actor, name, number), pack))
    return HttpResponseRedirect(reverse("console:audit_export_job", args=[job.pk]))
