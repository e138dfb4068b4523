"""Checks: the list, the page of one check run with its files, and the dialogs for check runs and for keys."""

from __future__ import annotations

from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from approvals.check_runs.control import cancel_check, rerun_check
from approvals.check_runs.evidence import open_file
from approvals.check_runs.keys import add_check_key, revoke_check_key
from approvals.models import CheckRun
from approvals.requests.queries import get_check_run
from console.checks.forms import CheckKeyForm, OptionalReasonForm
from console.checks.presenters import check_keys, check_rows, check_run_page, may_manage_keys, rules_needing_key
from console.shell.dialogs import Dialog, run_dialog, submitted
from console.shell.forms import ConsoleForm
from console.shell.links import request_url
from console.shell.pages import Crumb, page, render_page
from core.actors import Actor


@page
def check_list(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List the checks a policy may name, and the keys that sign external results."""
    return render_page(
        request,
        "console/checks/checks.html",
        "Checks",
        rows=check_rows(),
        keys=check_keys(),
        may_manage_keys=may_manage_keys(actor),
    )


@page
def check_run_detail(request: HttpRequest, actor: Actor, check_run_id: int) -> HttpResponse:
    """Show one run of a check."""
    page_data = check_run_page(actor, check_run_id)
    crumbs = _crumbs(page_data.job)[:-1]
    return render_page(request, "console/checks/check_run.html", page_data.job.rule, crumbs=crumbs, page=page_data)


@page
def check_run_live(request: HttpRequest, actor: Actor, check_run_id: int) -> HttpResponse:
    """Return the progress of a run as a fragment. When it has finished, the whole page is loaded again."""
    page_data = check_run_page(actor, check_run_id)
    response = render(request, "console/checks/_check_live.html", {"page": page_data})
    if not page_data.is_updating:
        response["HX-Refresh"] = "true"
    return response


@page
def cancel(request: HttpRequest, actor: Actor, check_run_id: int) -> HttpResponse:
    """Cancel a run in a dialog."""
    job = get_check_run(actor, check_run_id)
    form = OptionalReasonForm(submitted(request))

    def act() -> str:
        cancel_check(actor=actor, check_run_id=job.pk, reason=form.cleaned_data["reason"])
        messages.success(request, f"The check {job.check_code} is cancelled.")
        return _page_of(job)

    dialog = Dialog(
        title=f"Cancel {job.check_code}",
        description=f"The check stops. The rule {job.rule} blocks request #{job.request_id} until a later run passes.",
        submit="Cancel check",
        tone="is-bad",
    )
    return run_dialog(request, actor, dialog, form, act, crumbs=_crumbs(job))


@page
def run_again(request: HttpRequest, actor: Actor, check_run_id: int) -> HttpResponse:
    """Run a check again, in a dialog."""
    job = get_check_run(actor, check_run_id)

    def act() -> str:
        rerun_check(actor=actor, check_run_id=job.pk)
        messages.success(request, f"The check {job.check_code} is queued again.")
        return _page_of(job)

    dialog = Dialog(
        title=f"Run {job.check_code} again",
        description="The audit log keeps the current result. If the new result differs, earlier reviews no longer count.",
        submit="Run check again",
    )
    return run_dialog(request, actor, dialog, ConsoleForm(submitted(request)), act, crumbs=_crumbs(job))


@page
def download(_request: HttpRequest, actor: Actor, check_run_id: int, name: str) -> FileResponse:
    """Return one evidence file, always as a download: a browser must not run the HTML that a check or a model wrote."""
    row, stream = open_file(actor, check_run_id, name)
    headers = {
        "Content-Length": str(row.size),
        "Content-Security-Policy": "sandbox",
        "X-Content-Type-Options": "nosniff",
    }
    return FileResponse(
        stream, as_attachment=True, filename=row.name, content_type="application/octet-stream", headers=headers
    )


@page
def add_key(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Add a key that may sign external results, in a dialog."""
    form = CheckKeyForm(submitted(request))

    def act() -> str:
        key = add_check_key(actor=actor, **form.cleaned_data)
        messages.success(request, f"The key {key.name} is added. It may sign the checks whose policy names it.")
        return reverse("console:checks")

    dialog = Dialog(
        title="Add a key for external results",
        description="The key can sign nothing until a published policy names it in an external check.",
        submit="Add key",
    )
    return run_dialog(request, actor, dialog, form, act, crumbs=_list_crumbs())


@page
def revoke_key(request: HttpRequest, actor: Actor, name: str) -> HttpResponse:
    """Revoke a key in a dialog."""
    form = OptionalReasonForm(submitted(request))

    def act() -> str:
        revoke_check_key(actor=actor, name=name, reason=form.cleaned_data["reason"])
        messages.success(request, f"The key {name} is revoked.")
        return reverse("console:checks")

    needed_by = ", ".join(rules_needing_key(name))
    rules = f"These rules need it: {needed_by}." if needed_by else "No policy in force names it."
    dialog = Dialog(
        title=f"Revoke the key {name}",
        description=f"Results that it signs from now on are refused. Earlier results stay valid. {rules} "
        "A revoked key cannot be restored.",
        submit="Revoke key",
        tone="is-bad",
    )
    return run_dialog(request, actor, dialog, form, act, crumbs=_list_crumbs())


def _page_of(job: CheckRun) -> str:
    return reverse("console:check_run", args=[job.pk])


def _list_crumbs() -> list[Crumb]:
    return [Crumb("Checks", reverse("console:checks"))]


def _crumbs(job: CheckRun) -> list[Crumb]:
    requests = Crumb("Requests", reverse("admin:approvals_transitionrequest_changelist"))
    return [requests, Crumb(f"#{job.request_id}", request_url(job.request_id)), Crumb(job.rule, _page_of(job))]
