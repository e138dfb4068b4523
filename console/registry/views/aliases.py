"""Aliases: pointing one at a version, and taking one away, each in a dialog."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from approvals.requests.alias import request_alias
from console.registry.forms import AliasForm
from console.shell.dialogs import Dialog, run_dialog
from console.shell.forms import ConsoleForm
from console.shell.pages import model_crumbs, page
from core.actors import Actor
from core.errors import GateRefused
from registry.queries import get_version, version_by_alias
from registry.services.aliases import delete_alias


@page
def set_alias(request: HttpRequest, actor: Actor, name: str, number: int) -> HttpResponse:
    """Ask that an alias point at a version; a protected one opens a request, another moves at once."""
    version = get_version(actor, name, number)
    form = AliasForm(request.POST or None)
    dialog = Dialog(
        title=f"Alias for {version}",
        submit="Set the alias",
        description="A policy may protect the alias: then your request is opened, checks run, and reviewers decide.",
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
            messages.info(request, "Your request is open. The checks run now; reviewers see it in their inbox.")
            return reverse("admin:approvals_transitionrequest_change", args=[refusal.request_id])
        messages.success(request, f"@{alias} stands for {version} now.")
        return reverse("console:version", args=[name, number])

    return run_dialog(request, actor, dialog, form, act, crumbs=model_crumbs(name, number))


@page
def take_alias(request: HttpRequest, actor: Actor, name: str, alias: str) -> HttpResponse:
    """Take an alias off."""
    version = version_by_alias(actor, name, alias)
    form = ConsoleForm(request.POST if request.method == "POST" else None)
    dialog = Dialog(
        title=f"Take @{alias} off {version}",
        submit="Take it off",
        description=f"Whoever loads models:/{name}@{alias} finds nothing from then on.",
        tone="is-bad",
    )

    def act() -> str:
        delete_alias(actor=actor, name=name, alias=alias)
        messages.success(request, f"@{alias} is gone.")
        return reverse("console:model", args=[name])

    return run_dialog(request, actor, dialog, form, act, crumbs=model_crumbs(name))
