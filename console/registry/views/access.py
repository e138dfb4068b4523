"""Access to a model: the list of grants, and the dialogs that give and remove one."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from accounts.principals import KIND_NAMES, PrincipalKind
from audit.actions import Action
from console.registry.forms import GrantForm, RevokeForm
from console.shell.dialogs import Dialog, run_dialog, submitted
from console.shell.forms import missing_as_form_error
from console.shell.lookups import find_model
from console.shell.pages import Crumb, model_crumbs, page, paginate, render_page
from core.actors import Actor
from registry.models import RegisteredModel
from registry.permissions import (
    LEVEL_DESCRIPTIONS,
    Grant,
    Level,
    default_level,
    grants_of,
    has_level,
    level_of,
    require_level,
)
from registry.services.permissions import revoke_permission, set_permissions


@page
def access_page(request: HttpRequest, actor: Actor, name: str) -> HttpResponse:
    """List the grants on a model, the level that everybody has by default, and this person's own level."""
    model = find_model(actor, name)
    rows = [
        {"grant": grant, "kind": KIND_NAMES[grant.kind], "level": LEVEL_DESCRIPTIONS[grant.level]}
        for grant in grants_of(model)
    ]
    own, everybody = level_of(actor, model), default_level()
    return render_page(
        request,
        "console/registry/access.html",
        "Access",
        crumbs=model_crumbs(name),
        model=model,
        rows=paginate(request, rows),
        may_manage=has_level(actor, model, Level.MANAGE),
        own=LEVEL_DESCRIPTIONS[own] if own is not None else "",
        everybody=LEVEL_DESCRIPTIONS[everybody] if everybody is not None else "",
    )


@page
def grant_access(request: HttpRequest, actor: Actor, name: str) -> HttpResponse:
    """Give a person, a service account or a group a level in a dialog. It replaces the level they had."""
    model = _managed_model(actor, name)
    initial = {key: request.GET[key] for key in ("kind", "name", "level") if key in request.GET}
    form = GrantForm(submitted(request), initial=initial)

    def act() -> str:
        cleaned = form.cleaned_data
        grant = Grant(PrincipalKind(cleaned["kind"]), cleaned["name"], cleaned["level"])
        with missing_as_form_error():
            set_permissions(actor=actor, name=name, grants=[grant], replace=False)
        messages.success(request, f"{grant.name}: {LEVEL_DESCRIPTIONS[grant.level]}.")
        return reverse("console:access", args=[name])

    dialog = Dialog(
        title=f"Give access to {model.name}",
        description="It applies at once, to the pages, MLflow clients and the API.",
        submit="Give access",
    )
    return run_dialog(request, actor, dialog, form, act, crumbs=_crumbs(name))


@page
def revoke_access(request: HttpRequest, actor: Actor, name: str) -> HttpResponse:
    """Remove a grant in a dialog."""
    model = _managed_model(actor, name)
    form = RevokeForm(request.POST or request.GET)
    principal = request.GET.get("name") or request.POST.get("name", "")

    def act() -> str:
        cleaned = form.cleaned_data
        with missing_as_form_error():
            revoke_permission(actor=actor, name=name, kind=PrincipalKind(cleaned["kind"]), principal=cleaned["name"])
        messages.success(request, f"{cleaned['name']} no longer has a grant on {name}.")
        return reverse("console:access", args=[name])

    dialog = Dialog(
        title=f"Remove the access of {principal}",
        description=_revoke_consequence(model, principal),
        submit="Remove access",
        tone="is-bad",
    )
    return run_dialog(request, actor, dialog, form, act, crumbs=_crumbs(name))


def _revoke_consequence(model: RegisteredModel, principal: str) -> str:
    """Return the access that a person keeps on a model without their grant, as a sentence."""
    level = default_level()
    if level is None:
        return f"{principal} will no longer see {model.name}, unless one of their groups has access."
    text = LEVEL_DESCRIPTIONS[level]
    return f"{principal} keeps the access of everybody ({text[:1].lower()}{text[1:]}) and the access of their groups."


def _managed_model(actor: Actor, name: str) -> RegisteredModel:
    model = find_model(actor, name)
    require_level(actor, model, Level.MANAGE, action=Action.REGISTRY_PERMISSIONS_CHANGED)
    return model


def _crumbs(name: str) -> list[Crumb]:
    return [*model_crumbs(name), Crumb("Access", reverse("console:access", args=[name]))]
