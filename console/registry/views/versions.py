"""One model version, and asking that it move to another stage."""

from __future__ import annotations

from http import HTTPStatus

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from approvals.requests.transition import request_transition
from console.oversight.presenters import watch_version
from console.registry.forms import TransitionForm
from console.registry.presenters.versions import version_page
from console.shell.pages import denied_message, go_to, model_crumbs, page, render_page
from core.actors import Actor
from core.errors import DomainError, GateRefused, NotFound
from registry.models import ModelVersion
from registry.queries import get_version
from registry.stages import Transition, find_transition, parse_stage


@page
def version_detail(request: HttpRequest, actor: Actor, name: str, number: int) -> HttpResponse:
    """Show one version."""
    shown = version_page(actor, name, number)
    watch = watch_version(actor, shown.version)
    return render_page(
        request, "console/registry/version.html", f"v{number}", crumbs=model_crumbs(name), shown=shown, watch=watch
    )


@page
def ask_transition(request: HttpRequest, actor: Actor, name: str, number: int, stage: str) -> HttpResponse:
    """Ask in a dialog that a version move; a governed move opens a request, another happens at once."""
    version = get_version(actor, name, number)
    edge = find_transition(version.stage, parse_stage(stage))
    form = TransitionForm(request.POST or None)
    if not edge.may_archive:
        del form.fields["archive_existing"]
    if not edge.gated:
        del form.fields["apply_after"]
    if request.method == "POST" and form.is_valid():
        try:
            return go_to(request, _move(request, actor, version, edge, form))
        except DomainError as error:
            if isinstance(error, NotFound):
                raise
            form.add_error(None, denied_message(actor, error))
    return _dialog(request, version, edge, form)


def _move(request: HttpRequest, actor: Actor, version: ModelVersion, edge: Transition, form: TransitionForm) -> str:
    """Ask; return where to go next. A gate that waits for reviewers is the expected answer, not an error."""
    try:
        request_transition(
            actor=actor,
            name=version.model.name,
            version=version.version,
            target=edge.target,
            archive_existing=bool(form.cleaned_data.get("archive_existing")),
            comment=form.cleaned_data["comment"],
            apply_after=form.cleaned_data.get("apply_after"),
            wait_seconds=0,
        )
    except GateRefused as refusal:
        if refusal.request_id is None:
            raise
        messages.info(request, "Your request is open. The checks run now; reviewers see it in their inbox.")
        return reverse("admin:approvals_transitionrequest_change", args=[refusal.request_id])
    messages.success(request, f"{version} is in {edge.target.value} now.")
    return reverse("console:version", args=[version.model.name, version.version])


def _dialog(request: HttpRequest, version: ModelVersion, edge: Transition, form: TransitionForm) -> HttpResponse:
    gated = "A policy may guard this: then your request is opened, checks run, and reviewers decide."
    dialog = {"title": f"{edge.title}: {version}", "description": gated if edge.gated else ""}
    context = {"dialog": dialog, "form": form, "form_submit_text": edge.title}
    if request.headers.get("HX-Request"):
        return render(request, "unfold/helpers/dialog.html", context)
    status = HTTPStatus.BAD_REQUEST if form.errors else HTTPStatus.OK
    crumbs = model_crumbs(version.model.name, version.version)
    return render_page(request, "console/shell/dialog.html", edge.title, crumbs=crumbs, status=status, **context)
