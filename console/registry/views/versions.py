"""The page of a model version, and the dialog that moves it to another stage."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse

from approvals.oversight.completeness import completeness_of
from approvals.requests.transition import request_transition
from console.oversight.presenters import version_attention
from console.registry.forms import TransitionForm
from console.registry.presenters.leaving import leaving_of
from console.registry.presenters.moves import move_button, move_consequence, move_title
from console.registry.presenters.serving_code import serving_code
from console.registry.presenters.versions import version_page
from console.shell.dialogs import Dialog, run_dialog, submitted
from console.shell.flash import REQUEST_OPENED
from console.shell.links import request_url, version_url
from console.shell.lookups import find_version
from console.shell.pages import model_crumbs, page, render_page
from core.actors import Actor
from core.errors import GateRefused
from registry.models import ModelVersion
from registry.stages import Stage, Transition, find_transition, parse_stage

_LEAVING_HELP = "Kept with your name. The people who are responsible for the model read this."


@page
def version_detail(request: HttpRequest, actor: Actor, name: str, number: int) -> HttpResponse:
    """Show one version."""
    page_data = version_page(actor, name, number)

    return render_page(
        request,
        "console/registry/version.html",
        f"v{number}",
        crumbs=model_crumbs(name),
        page=page_data,
        attention=version_attention(actor, page_data.version),
        completeness=completeness_of(page_data.version),
        snippets=serving_code(page_data.version, f"{request.scheme}://{request.get_host()}"),
    )


@page
def move_version(request: HttpRequest, actor: Actor, name: str, number: int, stage: str) -> HttpResponse:
    """Move a version in a dialog. Where a policy applies, this opens a request. Otherwise the version moves at once."""
    version = find_version(actor, name, number)
    edge = find_transition(version.stage, parse_stage(stage))
    form = TransitionForm(submitted(request))
    if not edge.may_archive:
        del form.fields["archive_existing"]
    if not edge.gated:
        del form.fields["apply_after"]
    leaving = leaving_of(version, edge.target)
    if leaving is not None:
        form.fields["comment"].required = leaving.needs_reason
        form.fields["comment"].help_text = _LEAVING_HELP
    dialog = Dialog(
        title=move_title(edge, version),
        description=move_consequence(edge, version),
        submit=move_button(edge, version),
        tone="is-bad" if leaving else "is-primary",
        intro=leaving.html if leaving else "",
    )
    return run_dialog(
        request,
        actor,
        dialog,
        form,
        lambda: _move(request, actor, version, edge, form),
        crumbs=model_crumbs(name, number),
    )


def _move(request: HttpRequest, actor: Actor, version: ModelVersion, edge: Transition, form: TransitionForm) -> str:
    """Move the version or open a request for the move, and return the address of the next page.

    Raises GateRefused where the move is refused and no request was opened.
    """
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
        messages.info(request, REQUEST_OPENED)
        return request_url(refusal.request_id)
    messages.success(request, _moved(edge, version))
    return version_url(version.model.name, version.version)


def _moved(edge: Transition, version: ModelVersion) -> str:
    match edge.target:
        case Stage.ARCHIVED:
            return f"{version} is archived."
        case Stage.NONE:
            return f"{version} is no longer in {edge.source.value}."
        case _:
            return f"{version} is in {edge.target.value} now."
