"""Traces: search them in MLflow's filter language, look at one, look at one of its spans."""

from __future__ import annotations

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from console.shell.pages import Crumb, page, render_page
from console.traces.presenters.lists import title_of, traces_page
from console.traces.presenters.spans import whole_span
from console.traces.presenters.trace import get_span, trace_page
from core.actors import Actor


@page
def trace_list(request: HttpRequest, _actor: Actor) -> HttpResponse:
    """Search traces; a filter that cannot be read is answered on the page, beside the field."""
    found = traces_page(
        experiment=request.GET.get("experiment", ""),
        run_id=request.GET.get("run", ""),
        text=request.GET.get("q", "").strip(),
        order=request.GET.get("order", ""),
        token=request.GET.get("token", ""),
    )
    status = HTTPStatus.BAD_REQUEST if found.problem else HTTPStatus.OK
    return render_page(request, "console/traces/traces.html", "Traces", status=status, found=found)


@page
def trace_detail(request: HttpRequest, _actor: Actor, trace_id: str) -> HttpResponse:
    """Show one trace."""
    shown = trace_page(trace_id)
    experiment = shown.trace.experiment
    crumbs = [
        Crumb("Traces", reverse("console:traces")),
        Crumb(experiment.name, f"{reverse('console:traces')}?experiment={experiment.pk}"),
    ]
    return render_page(request, "console/traces/trace.html", shown.title, crumbs=crumbs, shown=shown)


@page
def span_detail(request: HttpRequest, _actor: Actor, trace_id: str, span_id: str) -> HttpResponse:
    """Show one span with its values whole."""
    trace, span = get_span(trace_id, span_id)
    crumbs = [
        Crumb("Traces", reverse("console:traces")),
        Crumb(title_of(trace), reverse("console:trace", args=[trace.pk])),
    ]
    row = whole_span(span, trace)
    return render_page(
        request, "console/traces/span.html", span.name or span.span_id, crumbs=crumbs, row=row, trace=trace
    )
