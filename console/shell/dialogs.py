"""Dialogs: a form in the modal of the page it was opened from, or as a page of its own without scripts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from django import forms
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.utils.safestring import SafeString

from console.shell.pages import Crumb, denied_message, go_to, render_page
from core.actors import Actor
from core.errors import DomainError, NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialog:
    """The texts around a form. ``submit`` is the text of its button and ``tone`` the button's colour.

    Without ``submit`` there is no button: the dialog only tells something.

    ``intro`` is HTML above the fields that shows the object of the dialog.
    """

    title: str
    submit: str = ""
    description: str = ""
    tone: str = "is-primary"
    intro: SafeString | str = ""


def submitted(request: HttpRequest) -> QueryDict | None:
    """Return the submitted form, which may be empty, and None for a GET."""
    return request.POST if request.method == "POST" else None


def show_dialog(request: HttpRequest, dialog: Dialog, form: forms.Form, crumbs: Sequence[Crumb] = ()) -> HttpResponse:
    """Render a dialog with the errors of its form: a fragment for htmx, otherwise a page, with errors as status 400."""
    context = {"dialog": dialog, "form": form}
    if request.headers.get("HX-Request"):
        response = render(request, "console/shell/_dialog.html", context)
    else:
        status = HTTPStatus.BAD_REQUEST if form.errors else HTTPStatus.OK
        response = render_page(
            request, "console/shell/dialog.html", dialog.title, crumbs=crumbs, status=status, **context
        )
    patch_vary_headers(response, ["HX-Request"])  # a browser must not show a cached fragment as a page
    return response


def run_dialog(
    request: HttpRequest,
    actor: Actor,
    dialog: Dialog,
    form: forms.Form,
    act: Callable[[], str],
    *,
    crumbs: Sequence[Crumb] = (),
) -> HttpResponse:
    """Show the form. When a valid form is submitted, call ``act`` and redirect to the address that it returns.

    A refusal becomes an error of the form. Raises NotFound, because the page under the dialog does not exist then.
    """
    if request.method == "POST" and form.is_valid():
        try:
            return go_to(request, act())
        except NotFound:
            raise
        except DomainError as error:
            form.add_error(None, denied_message(actor, error))
    return show_dialog(request, dialog, form, crumbs)
