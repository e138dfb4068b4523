"""The dialogs that set an alias on a version and remove one."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from approvals.requests.alias import request_alias, request_alias_removal
from console.registry.forms import AliasForm, RemoveAliasForm
from console.registry.presenters.leaving import leaving_of
from console.shell.dialogs import Dialog, run_dialog, submitted
from console.shell.flash import REQUEST_OPENED
from console.shell.links import request_url, version_url
from console.shell.lookups import find_version, find_version_by_alias
from console.shell.pages import model_crumbs, page
from core.actors import Actor
from core.errors import GateRefused
from registry.stages import removal_target


@page
def set_alias(request: HttpRequest, actor: Actor, name: str, number: int) -> HttpResponse:
    """Point an alias at a version in a dialog. For a protected alias, this opens a request."""
    version = find_version(actor, name, number)
    form = AliasForm(submitted(request))
    dialog = Dialog(
        title=f"Set an alias on {version}",
        submit="Set alias",
        description="If a policy protects the alias, this opens a request: checks run, and reviewers decide.",
    )

    def act() -> str:
        alias = form.cleaned_data["alias"].strip().removeprefix("@")
        try:
            request_alias(
                actor=actor,
                name=name,
                alias=alias,
                version=number,
                comment=form.cleaned_data["comment"],
                wait_seconds=0,
            )
        except GateRefused as refusal:
            if refusal.request_id is None:
                raise
            messages.info(request, REQUEST_OPENED)
            return request_url(refusal.request_id)
        messages.success(request, f"@{alias} points at {version} now.")
        return version_url(name, number)

    return run_dialog(request, actor, dialog, form, act, crumbs=model_crumbs(name, number))


@page
def remove_alias(request: HttpRequest, actor: Actor, name: str, alias: str) -> HttpResponse:
    """Remove an alias in a dialog. Where a policy governs leaving the alias, this opens a request."""
    version = find_version_by_alias(actor, name, alias)
    leaving = leaving_of(version, removal_target(alias))
    form = RemoveAliasForm(submitted(request))
    form.fields["comment"].required = leaving is not None and leaving.needs_reason
    dialog = Dialog(
        title=f"Remove @{alias} from {version}",
        submit=f"Remove @{alias}",
        tone="is-bad",
        intro=leaving.html if leaving else "",
    )

    def act() -> str:
        try:
            request_alias_removal(
                actor=actor, name=name, alias=alias, reason=form.cleaned_data["comment"], wait_seconds=0
            )
        except GateRefused as refusal:
            if refusal.request_id is None:
                raise
            messages.info(request, REQUEST_OPENED)
            return request_url(refusal.request_id)
        messages.success(request, f"@{alias} is removed.")
        return reverse("console:model", args=[name])

    return run_dialog(request, actor, dialog, form, act, crumbs=model_crumbs(name))
