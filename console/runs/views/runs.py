"""Experiments and runs: the lists, the search, one run with its files, the comparison and the curves."""

from __future__ import annotations

from http import HTTPStatus

from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers

from console.runs.presenters.comparison import MAX_RUNS, compare_runs
from console.runs.presenters.curves import curves_of
from console.runs.presenters.runs import artifact_of, run_page, runs_page
from console.runs.queries import experiment_rows, visible_run_ids
from console.shell.pages import Crumb, page, paginate, render_page
from core.actors import Actor
from core.errors import InvalidInput


@page
def experiment_list(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List experiments."""
    text = request.GET.get("q", "").strip()
    rows = paginate(request, experiment_rows(actor, text))
    return render_page(request, "console/runs/experiments.html", "Experiments", rows=rows, text=text)


@page
def run_list(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Search runs. An invalid filter is explained at its field."""
    page_data = runs_page(
        actor,
        experiment=request.GET.get("experiment", ""),
        text=request.GET.get("q", "").strip(),
        order=request.GET.get("order", ""),
        token=request.GET.get("token", ""),
    )
    status = HTTPStatus.BAD_REQUEST if page_data.problem else HTTPStatus.OK
    return render_page(request, "console/runs/runs.html", "Runs", status=status, page=page_data)


@page
def run_detail(request: HttpRequest, actor: Actor, run_id: str) -> HttpResponse:
    """Show one run."""
    page_data = run_page(actor, run_id, folder=request.GET.get("folder", ""))
    runs_url = reverse("console:runs")
    crumbs = [Crumb("Runs", runs_url)]
    if (experiment := page_data.experiment) is not None:
        crumbs.append(Crumb(experiment.name, f"{runs_url}?experiment={experiment.pk}"))
    return render_page(request, "console/runs/run.html", page_data.title, crumbs=crumbs, page=page_data)


@page
def run_compare(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Compare the runs that the query string names with `run=<id>`."""
    page_data = compare_runs(actor, request.GET.getlist("run"))
    title = f"{len(page_data.runs)} runs side by side" if len(page_data.runs) > 1 else "Compare runs"
    return render_page(
        request,
        "console/runs/runs_compare.html",
        title,
        crumbs=[Crumb("Runs", reverse("console:runs"))],
        page=page_data,
    )


@page
def curves(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Return the curves of up to six runs: a fragment for htmx, a page in a tab of its own.

    The query string names them as `run=<id>&name=<name>` pairs. Raises InvalidInput.
    """
    runs, names = request.GET.getlist("run"), request.GET.getlist("name")
    if len(runs) != len(names) or len(runs) > MAX_RUNS:
        raise InvalidInput(f"Give a name for each run, and at most {MAX_RUNS} runs.")
    visible_ids = visible_run_ids(actor, runs)
    pairs = {run: name for run, name in zip(runs, names, strict=True) if run in visible_ids}
    charts, run_names = curves_of(pairs), list(pairs.values())
    if request.headers.get("HX-Request"):
        response = render(request, "console/runs/_curves.html", {"charts": charts, "names": run_names})
    else:
        crumbs = [Crumb("Runs", reverse("console:runs"))]
        template = "console/runs/curves.html"
        response = render_page(request, template, "Training curves", crumbs=crumbs, charts=charts, names=run_names)
    patch_vary_headers(response, ["HX-Request"])  # a tab that is opened anew never shows the fragment
    return response


@page
def download(_request: HttpRequest, actor: Actor, run_id: str, path: str) -> FileResponse:
    """Return one file of a run, always as a download: a browser must not run the HTML that a run logged."""
    artifact, stream = artifact_of(actor, run_id, path)
    name = artifact.path.rsplit("/", 1)[-1]
    headers = {"Content-Length": str(artifact.size), "Content-Security-Policy": "sandbox"}
    return FileResponse(
        stream, as_attachment=True, filename=name, content_type="application/octet-stream", headers=headers
    )
