"""A question with a form: in the modal of the page it came from, or as a page of its own where there are no scripts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render

from console.shell.pages import Crumb, denied_message, go_to, render_page
from core.actors import Actor
from core.errors import DomainError, NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialog:
    """The words around a form, each by its name: they are all texts. ``tone`` colours its button."""

    title: str
    description: str = ""
    submit: str = "Save"
    tone: str = "is-primary"


def posted(request: HttpRequest) -> QueryDict | None:
    """Return what was posted, also where that is nothing, and None on the way to the question."""
    return request.POST if request.method == "POST" else None


def show_dialog(request: HttpRequest, dialog: Dialog, form: forms.Form, crumbs: Sequence[Crumb]) -> HttpResponse:
    """Render a dialog, with what was wrong with it the last time."""
    words = {"title": dialog.title, "description": dialog.description, "tone": dialog.tone}
    context = {"dialog": words, "form": form, "form_submit_text": dialog.submit}
    if request.headers.get("HX-Request"):
        return render(request, "unfold/helpers/dialog.html", context)
    status = HTTPStatus.BAD_REQUEST if form.errors else HTTPStatus.OK
    return render_page(request, "console/shell/dialog.html", dialog.title, crumbs=crumbs, status=status, **context)


def run_dialog(
    request: HttpRequest,
    actor: Actor,
    dialog: Dialog,
    form: forms.Form,
    act: Callable[[], str],
    *,
    crumbs: Sequence[Crumb] = (),
) -> HttpResponse:
    """Show the form; when it is posted and valid, act and go where ``act`` says. A refusal is shown on the form."""
    if request.method == "POST" and form.is_valid():
        try:
            return go_to(request, act())
        except DomainError as error:
            if isinstance(error, NotFound):
                raise
            form.add_error(None, denied_message(actor, error))
    return show_dialog(request, dialog, form, crumbs)


def ask(
    request: HttpRequest,
    actor: Actor,
    form: forms.Form,
    act: Callable[[Any], str],
    *,
    title: str,
    submit: str,
    crumbs: Sequence[Crumb],
    description: str = "",
    tone: str = "is-primary",
) -> HttpResponse:
    """Run a dialog whose words are given one by one; ``act`` gets the form."""
    dialog = Dialog(title=title, description=description, submit=submit, tone=tone)
    return run_dialog(request, actor, dialog, form, lambda: act(form), crumbs=crumbs)
