"""Traces: the search, the page of one trace, and the page of one span."""

from __future__ import annotations

from http import HTTPStatus

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from console.shell.dialogs import Dialog, run_dialog, submitted
from console.shell.pages import Crumb, page, render_page
from console.traces.forms import AssessmentForm
from console.traces.presenters.lists import title_of, traces_page
from console.traces.presenters.spans import whole_span
from console.traces.presenters.trace import get_span, trace_page
from core.actors import Actor
from traces.models import AssessmentKind, SourceType
from traces.queries import get_trace
from traces.services.assessments import AssessmentData, create_assessment


@page
def trace_list(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Search traces. An invalid filter is explained at its field."""
    page_data = traces_page(
        actor,
        experiment=request.GET.get("experiment", ""),
        run_id=request.GET.get("run", ""),
        text=request.GET.get("q", "").strip(),
        order=request.GET.get("order", ""),
        token=request.GET.get("token", ""),
    )
    status = HTTPStatus.BAD_REQUEST if page_data.problem else HTTPStatus.OK
    return render_page(request, "console/traces/traces.html", "Traces", status=status, page=page_data)


@page
def trace_detail(request: HttpRequest, actor: Actor, trace_id: str) -> HttpResponse:
    """Show one trace."""
    page_data = trace_page(actor, trace_id)
    experiment = page_data.trace.experiment
    crumbs = [
        Crumb("Traces", reverse("console:traces")),
        Crumb(experiment.name, f"{reverse('console:traces')}?experiment={experiment.pk}"),
    ]
    return render_page(request, "console/traces/trace.html", page_data.title, crumbs=crumbs, page=page_data)


@page
def assess(request: HttpRequest, actor: Actor, trace_id: str) -> HttpResponse:
    """Add an assessment of the person who is signed in to a trace, in a dialog."""
    trace = get_trace(actor, trace_id)
    form = AssessmentForm(submitted(request))
    address = reverse("console:trace", args=[trace.pk])
    dialog = Dialog(title=f"Assess {title_of(trace)}", submit="Add assessment")

    def act() -> str:
        data = AssessmentData(
            kind=AssessmentKind(form.cleaned_data["kind"]),
            name=form.cleaned_data["name"],
            value=form.cleaned_data["value"],
            rationale=form.cleaned_data["rationale"] or None,
            source_type=SourceType.HUMAN.value,
            source_id=actor.name,
        )
        create_assessment(actor=actor, trace_id=trace.pk, data=data)
        messages.success(request, f"The assessment {data.name} was added.")
        return address

    crumbs = [Crumb("Traces", reverse("console:traces")), Crumb(title_of(trace), address)]
    return run_dialog(request, actor, dialog, form, act, crumbs=crumbs)


@page
def span_detail(request: HttpRequest, actor: Actor, trace_id: str, span_id: str) -> HttpResponse:
    """Show one span with its complete values."""
    trace, span = get_span(actor, trace_id, span_id)
    crumbs = [
        Crumb("Traces", reverse("console:traces")),
        Crumb(title_of(trace), reverse("console:trace", args=[trace.pk])),
    ]
    row = whole_span(span, trace)
    return render_page(
        request, "console/traces/span.html", span.name or span.span_id, crumbs=crumbs, row=row, trace=trace
    )
