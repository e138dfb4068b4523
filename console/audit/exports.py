"""Exports of the audit log: a person starts one, a worker writes its file, and the person downloads it."""

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
    """Start an export of the events that match the filter in the query string."""
    job = start_export(
        actor=actor,
        filters=Filter.of(request).for_export(),
        identities="without_identities" not in request.POST,
        parquet="parquet" in request.POST,
    )
    return HttpResponseRedirect(reverse("console:audit_export_job", args=[job.pk]))


@page
def export_detail(request: HttpRequest, actor: Actor, export_id: UUID) -> HttpResponse:
    """Show an export: its filter, its progress, and its file."""
    job = export_job(actor, export_id)
    crumbs = [Crumb("Audit log", reverse("console:audit"))]
    return render_page(request, "console/audit/export.html", "Export", crumbs=crumbs, job=job)


@page
def export_live(request: HttpRequest, actor: Actor, export_id: UUID) -> HttpResponse:
    """Return the progress of an export as a fragment, which the page loads again until the export has ended."""
    return render(request, "console/audit/_export_live.html", {"job": export_job(actor, export_id)})


@page
def export_file(request: HttpRequest, actor: Actor, export_id: UUID) -> HttpResponseBase:
    """Return the file of a finished export, or the range of its bytes that the browser asks for."""
    job = export_job(actor, export_id)
    headers = request.headers
    return stored_file(job, byte_range=headers.get("Range", ""), if_range=headers.get("If-Range", ""))
