"""Experiments and runs: search them in MLflow's grammar, look at one, take its files."""

from __future__ import annotations

from http import HTTPStatus

from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from console.runs.presenters.comparison import compare_runs
from console.runs.presenters.curves import curves_of
from console.runs.presenters.runs import NAMES_IN_CURVES, artifact_of, run_page, runs_page
from console.runs.queries import experiment_rows
from console.shell.pages import Crumb, page, paginate, render_page
from core.actors import Actor
from core.errors import InvalidInput


@page
def experiment_list(request: HttpRequest, _actor: Actor) -> HttpResponse:
    """List experiments."""
    text = request.GET.get("q", "").strip()
    rows = paginate(request, experiment_rows(text))
    return render_page(request, "console/runs/experiments.html", "Experiments", rows=rows, text=text)


@page
def run_list(request: HttpRequest, _actor: Actor) -> HttpResponse:
    """Search runs; a filter that cannot be read is answered on the page, beside the field."""
    found = runs_page(
        experiment=request.GET.get("experiment", ""),
        text=request.GET.get("q", "").strip(),
        order=request.GET.get("order", ""),
        token=request.GET.get("token", ""),
    )
    status = HTTPStatus.BAD_REQUEST if found.problem else HTTPStatus.OK
    return render_page(request, "console/runs/runs.html", "Runs", status=status, found=found)


@page
def run_detail(request: HttpRequest, actor: Actor, run_id: str) -> HttpResponse:
    """Show what one run logged."""
    shown = run_page(actor, run_id, folder=request.GET.get("folder", ""))
    crumbs = [Crumb("Runs", "/runs/"), Crumb(shown.run.experiment.name, f"/runs/?experiment={shown.run.experiment_id}")]
    return render_page(request, "console/runs/run.html", shown.title, crumbs=crumbs, shown=shown)


@page
def run_compare(request: HttpRequest, _actor: Actor) -> HttpResponse:
    """Show the runs named by `run=<id>` side by side."""
    shown = compare_runs(request.GET.getlist("run"))
    title = f"{len(shown.runs)} runs side by side" if len(shown.runs) > 1 else "Compare runs"
    return render_page(
        request, "console/runs/runs_compare.html", title, crumbs=[Crumb("Runs", reverse("console:runs"))], shown=shown
    )


@page
def curves(request: HttpRequest, _actor: Actor) -> HttpResponse:
    """Answer a fragment: the curves of up to six runs over each other, as `run=<id>&name=<shown as>` pairs."""
    runs, names = request.GET.getlist("run"), request.GET.getlist("name")
    if len(runs) != len(names) or len(runs) > NAMES_IN_CURVES:
        raise InvalidInput("Give a name for each run, and no more than six.")
    pairs = dict(zip(runs, names, strict=True))
    return render(request, "console/runs/_curves.html", {"charts": curves_of(pairs), "names": list(pairs.values())})


@page
def download(_request: HttpRequest, _actor: Actor, run_id: str, path: str) -> FileResponse:
    """Give one file of a run, always as a download: what a run logged is never shown as a page of this site."""
    artifact, stream = artifact_of(run_id, path)
    name = artifact.path.rsplit("/", 1)[-1]
    headers = {"Content-Length": str(artifact.size), "Content-Security-Policy": "sandbox"}
    return FileResponse(
        stream, as_attachment=True, filename=name, content_type="application/octet-stream", headers=headers
    )
