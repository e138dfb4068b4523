"""Exports of the audit log: asked for on its page, made by a worker, fetched as a file."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST

from audit.downloads import stored_file
from audit.exports.jobs import export_job, start_export
from console.audit.filters import Filter
from console.shell.pages import Crumb, page, render_page
from core.actors import Actor


@page
@require_POST
def export_selection(request: HttpRequest, actor: Actor) -> HttpResponseRedirect:
    """Start an export of the events that the filter of the page chooses. The filter is in the query string."""
    job = start_export(actor=actor, filters=Filter.of(request).for_export())
    return HttpResponseRedirect(reverse("console:audit_export_job", args=[job.pk]))


@page
def export_detail(request: HttpRequest, actor: Actor, export_id: UUID) -> HttpResponse:
    """Show an export: what was asked for, how far it is, and its file."""
    job = export_job(actor, export_id)
    crumbs = [Crumb("Audit log", reverse("console:audit"))]
    return render_page(request, "console/audit/export.html", "Export", crumbs=crumbs, job=job)


@page
def export_live(request: HttpRequest, actor: Actor, export_id: UUID) -> HttpResponse:
    """Return the progress of an export as a fragment, which asks again until the export has ended."""
    return render(request, "console/audit/_export_live.html", {"job": export_job(actor, export_id)})


@page
def export_file(request: HttpRequest, actor: Actor, export_id: UUID) -> HttpResponseBase:
    """Return the file of a finished export, or the range that a browser goes on with."""
    job = export_job(actor, export_id)
    fields = request.headers
    return stored_file(job, byte_range=fields.get("Range", ""), if_range=fields.get("If-Range", ""))
