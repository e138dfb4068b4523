"""Who may do what with a model: the list, giving a level and taking it away. Those who manage the model change it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from audit.actions import Action
from console.registry.forms import GrantForm, RevokeForm
from console.shell.dialogs import Dialog, run_dialog
from console.shell.pages import Crumb, model_crumbs, page, paginate, render_page
from core.actors import Actor
from core.errors import InvalidInput, NotFound
from registry.models import RegisteredModel
from registry.permissions import (
    LEVEL_WORDS,
    Grant,
    Level,
    PrincipalKind,
    default_level,
    grants_of,
    has_level,
    level_of,
    require_level,
)
from registry.queries import get_model
from registry.services.permissions import revoke_permission, set_permissions

_KINDS = {PrincipalKind.USER: "person", PrincipalKind.SERVICE: "service account", PrincipalKind.GROUP: "group"}


@page
def access_page(request: HttpRequest, actor: Actor, name: str) -> HttpResponse:
    """List what was granted, what everybody has without a grant, and what the person who looks has."""
    model = get_model(actor, name)
    rows = [
        {"grant": grant, "kind": _KINDS[grant.kind], "words": LEVEL_WORDS[grant.level]} for grant in grants_of(model)
    ]
    mine, everybody = level_of(actor, model), default_level()
    return render_page(
        request,
        "console/registry/access.html",
        "Access",
        crumbs=model_crumbs(name),
        model=model,
        rows=paginate(request, rows),
        may_manage=has_level(actor, model, Level.MANAGE),
        mine=LEVEL_WORDS[mine] if mine is not None else "",
        everybody=LEVEL_WORDS[everybody] if everybody is not None else "",
    )


@page
def grant(request: HttpRequest, actor: Actor, name: str) -> HttpResponse:
    """Give a person, a service account or a group a level, in place of the one they had."""
    model = _managed(actor, name)
    form = GrantForm(request.POST or None, initial=_chosen(request))

    def act() -> str:
        given = form.cleaned_data
        wanted = Grant(PrincipalKind(given["kind"]), given["name"], given["level"])
        with _said_in_the_dialog():
            set_permissions(actor=actor, name=name, grants=[wanted], replace=False)
        messages.success(request, f"{wanted.name}: {LEVEL_WORDS[wanted.level]}.")
        return reverse("console:access", args=[name])

    return run_dialog(
        request,
        actor,
        Dialog(
            title=f"Give access to {model.name}",
            description="It counts at once, at every door: pages, MLflow clients, API.",
            submit="Give access",
        ),
        form,
        act,
        crumbs=_crumbs(name),
    )


@page
def revoke(request: HttpRequest, actor: Actor, name: str) -> HttpResponse:
    """Take away what somebody was granted."""
    model = _managed(actor, name)
    form = RevokeForm(request.POST or request.GET)

    def act() -> str:
        given = form.cleaned_data
        with _said_in_the_dialog():
            revoke_permission(actor=actor, name=name, kind=PrincipalKind(given["kind"]), principal=given["name"])
        messages.success(request, f"{given['name']} has no grant on {name} any more.")
        return reverse("console:access", args=[name])

    left = default_level()
    return run_dialog(
        request,
        actor,
        Dialog(
            title=f"Take access from {request.GET.get('name') or request.POST.get('name', '')}",
            description=f"What stays is what everybody has ({LEVEL_WORDS[left][:1].lower()}{LEVEL_WORDS[left][1:]}), and what their groups have."
            if left is not None
            else f"Without it, {model.name} does not exist for them, unless a group of theirs has access.",
            submit="Take away",
        ),
        form,
        act,
        crumbs=_crumbs(name),
    )


@contextmanager
def _said_in_the_dialog() -> Iterator[None]:
    """Turn "there is no such person" into a fault of the form: the model is there, its page need not go."""
    try:
        yield
    except NotFound as error:
        raise InvalidInput(error.message) from error


def _managed(actor: Actor, name: str) -> RegisteredModel:
    model = get_model(actor, name)
    require_level(actor, model, Level.MANAGE, action=Action.REGISTRY_PERMISSIONS_CHANGED)
    return model


def _chosen(request: HttpRequest) -> dict[str, str]:
    return {key: request.GET[key] for key in ("kind", "name", "level") if key in request.GET}


def _crumbs(name: str) -> list[Crumb]:
    return [*model_crumbs(name), Crumb("Access", reverse("console:access", args=[name]))]
