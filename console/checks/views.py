"""Checks: which there are, one run of one, and what people do about a run or a key."""

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
from console.checks.forms import CancelForm, CheckKeyForm
from console.checks.presenters import check_keys, check_rows, check_run_page, may_keep_keys
from console.shell.dialogs import ask, posted
from console.shell.forms import ConsoleForm
from console.shell.pages import Crumb, page, render_page
from core.actors import Actor


@page
def check_list(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List the checks a policy may name, and the keys that sign results from outside."""
    keys, may_keep = check_keys(), may_keep_keys(actor)
    return render_page(request, "console/checks/checks.html", "Checks", rows=check_rows(), keys=keys, may_keep=may_keep)


@page
def check_run_detail(request: HttpRequest, actor: Actor, check_run_id: int) -> HttpResponse:
    """Show one run."""
    shown = check_run_page(actor, check_run_id)
    crumbs = _crumbs(shown.job)[:-1]
    return render_page(request, "console/checks/check_run.html", shown.job.rule, crumbs=crumbs, shown=shown)


@page
def check_run_live(request: HttpRequest, actor: Actor, check_run_id: int) -> HttpResponse:
    """Answer how far a run is as a fragment; once it has finished, have the whole page loaded again."""
    shown = check_run_page(actor, check_run_id)
    response = render(request, "console/checks/_check_live.html", {"shown": shown})
    if not shown.is_moving:
        response["HX-Refresh"] = "true"
    return response


@page
def cancel(request: HttpRequest, actor: Actor, check_run_id: int) -> HttpResponse:
    """Ask whether to cancel a run."""
    job = get_check_run(actor, check_run_id)

    def act(form: CancelForm) -> str:
        cancel_check(actor=actor, check_run_id=job.pk, reason=form.cleaned_data["reason"])
        messages.success(request, f"The check {job.check_code} is cancelled.")
        return _page_of(job)

    return ask(
        request,
        actor,
        CancelForm(posted(request)),
        act,
        title=f"Cancel {job.check_code}",
        description="Its worker stops. A cancelled check never counts as passed; it can be run again.",
        submit="Cancel the check",
        tone="is-bad",
        crumbs=_crumbs(job),
    )


@page
def run_again(request: HttpRequest, actor: Actor, check_run_id: int) -> HttpResponse:
    """Ask whether to run a check again."""
    job = get_check_run(actor, check_run_id)

    def act(_form: object) -> str:
        rerun_check(actor=actor, check_run_id=job.pk)
        messages.success(request, f"The check {job.check_code} is queued again.")
        return _page_of(job)

    return ask(
        request,
        actor,
        ConsoleForm(posted(request)),
        act,
        title=f"Run {job.check_code} again",
        description="Its result so far stays in the log. Reviews given on it no longer count if the result differs.",
        submit="Run again",
        crumbs=_crumbs(job),
    )


@page
def download(_request: HttpRequest, actor: Actor, check_run_id: int, name: str) -> FileResponse:
    """Give one evidence file, always as a download: what a check or a model wrote is never shown as a page of this site."""
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
    """Ask for a key that may sign results."""

    def act(form: CheckKeyForm) -> str:
        made = add_check_key(actor=actor, **form.cleaned_data)
        messages.success(request, f"The key {made.name} may sign the checks whose policy names it.")
        return reverse("console:checks")

    return ask(
        request,
        actor,
        CheckKeyForm(posted(request)),
        act,
        title="Add a key for external results",
        description="It signs nothing until a published policy names it in an external check.",
        submit="Add the key",
        crumbs=[Crumb("Checks", reverse("console:checks"))],
    )


@page
def revoke_key(request: HttpRequest, actor: Actor, name: str) -> HttpResponse:
    """Ask whether to revoke a key."""

    def act(form: CancelForm) -> str:
        revoke_check_key(actor=actor, name=name, reason=form.cleaned_data["reason"])
        messages.success(request, f"The key {name} is revoked.")
        return reverse("console:checks")

    return ask(
        request,
        actor,
        CancelForm(posted(request)),
        act,
        title=f"Revoke the key {name}",
        description="Nothing more that it signs is accepted, for good. What it signed before stands.",
        submit="Revoke",
        tone="is-bad",
        crumbs=[Crumb("Checks", reverse("console:checks"))],
    )


def _page_of(job: CheckRun) -> str:
    return reverse("console:check_run", args=[job.pk])


def _crumbs(job: CheckRun) -> list[Crumb]:
    requests = Crumb("Requests", reverse("admin:approvals_transitionrequest_changelist"))
    request = Crumb(f"#{job.request_id}", reverse("admin:approvals_transitionrequest_change", args=[job.request_id]))
    return [requests, request, Crumb(job.rule, _page_of(job))]
