"""Findings: the list, the page of one, and the dialogs that open, assign and close one."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from approvals.models.oversight import Finding, FindingState
from approvals.oversight.finding_queries import get_finding, visible_findings
from approvals.oversight.findings import assign_finding, close_finding, open_finding
from approvals.oversight.quarantine_findings import released_quarantine_of
from approvals.permissions.oversight import refusal_to_assign_finding, refusal_to_close_finding
from audit.queries import trail_for
from console.audit.presenters.entries import trail
from console.oversight.forms import AssignForm, CloseForm, FindingForm
from console.shell.dialogs import Dialog, run_dialog, submitted
from console.shell.lookups import find_model, find_version
from console.shell.pages import Crumb, model_crumbs, page, paginate, render_page
from core.actors import Actor
from core.refs import finding_ref, model_stream
from policies.rules import Severity

_STATES = ("open", "overdue", *(state.value for state in FindingState if state != FindingState.OPEN))
_TRAIL = 40


@page
def finding_list(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List findings, open and severe ones first."""
    state, severity = request.GET.get("state", "open"), request.GET.get("severity", "")
    model = request.GET.get("model", "")
    rows = visible_findings(
        actor,
        state=state if state in _STATES else "",
        severity=severity if severity in list(Severity) else "",
        model=model,
    )
    return render_page(
        request,
        "console/oversight/findings.html",
        "Findings",
        rows=paginate(request, rows),
        state=state,
        severity=severity,
        model=model,
        states=[(value, value.replace("_", " ")) for value in _STATES],
        severities=[level.value for level in Severity],
    )


@page
def finding_detail(request: HttpRequest, actor: Actor, finding_id: int) -> HttpResponse:
    """Show one finding."""
    row = get_finding(actor, finding_id)
    is_open = row.state == FindingState.OPEN
    return render_page(
        request,
        "console/oversight/finding.html",
        f"Finding {row.pk}",
        crumbs=_crumbs(),
        row=row,
        refusal=refusal_to_close_finding(actor, row) if is_open else None,
        released=released_quarantine_of(row) if is_open else None,
        may_assign=is_open and refusal_to_assign_finding(actor, row) is None,
        entries=trail(trail_for(finding_ref(row.pk), stream=model_stream(row.model_id), limit=_TRAIL)),
    )


@page
def new_finding(request: HttpRequest, actor: Actor, name: str, number: int | None = None) -> HttpResponse:
    """Open a finding on a version, or on the whole model, in a dialog."""
    subject = (
        f"every version of {find_model(actor, name)}" if number is None else str(find_version(actor, name, number))
    )
    form = FindingForm(submitted(request))
    dialog = Dialog(
        title=f"Open a finding on {subject}",
        submit="Open finding",
        description="A finding is never deleted. While it is open, policies can refuse to promote the version.",
    )

    def act() -> str:
        finding = open_finding(actor=actor, name=name, version=number, **form.cleaned_data)
        messages.success(request, f"Finding {finding.pk} is open.")
        return _page_of(finding)

    return run_dialog(request, actor, dialog, form, act, crumbs=model_crumbs(name, number))


@page
def close(request: HttpRequest, actor: Actor, finding_id: int) -> HttpResponse:
    """Close a finding in a dialog."""
    row = get_finding(actor, finding_id)
    form = CloseForm(submitted(request))
    dialog = Dialog(
        title=f"Close finding {row.pk}",
        submit="Close finding",
        description=f"{row.title}. A closed finding cannot be opened again.",
    )

    def act() -> str:
        close_finding(actor=actor, finding_id=row.pk, **form.cleaned_data)
        messages.success(request, f"Finding {row.pk} is closed.")
        return _page_of(row)

    return run_dialog(request, actor, dialog, form, act, crumbs=_crumbs(row))


@page
def assign(request: HttpRequest, actor: Actor, finding_id: int) -> HttpResponse:
    """Change the owner or the due date of a finding in a dialog."""
    row = get_finding(actor, finding_id)
    form = AssignForm(submitted(request), owner=row.owner.username if row.owner else "", due_at=row.due_at)

    def act() -> str:
        assign_finding(actor=actor, finding_id=row.pk, **form.cleaned_data)
        messages.success(request, f"Finding {row.pk} is changed.")
        return _page_of(row)

    dialog = Dialog(title=f"Owner and due date of finding {row.pk}", submit="Save changes", description=row.title)
    return run_dialog(request, actor, dialog, form, act, crumbs=_crumbs(row))


def _page_of(row: Finding) -> str:
    return reverse("console:finding", args=[row.pk])


def _crumbs(row: Finding | None = None) -> list[Crumb]:
    crumbs = [Crumb("Findings", reverse("console:findings"))]
    return [*crumbs, Crumb(f"Finding {row.pk}", _page_of(row))] if row else crumbs
