"""A question in a dialog: shown in the window, or as a page of its own where there are no scripts; answered with POST alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from http import HTTPStatus

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from audit.actors import Actor
from audit.errors import DomainError
from console.pages import Crumb, denied_message, go_to, render_page


def ask_in_dialog(
    request: HttpRequest,
    actor: Actor,
    *,
    form: forms.Form,
    title: str,
    description: str = "",
    submit: str,
    crumbs: Sequence[Crumb] = (),
    act: Callable[[], str],
) -> HttpResponse:
    """Show a form; when it is sent and whole, ``act`` does what was asked and returns where to go.

    What the services refuse is said in the dialog. Look up what the dialog is about before: that refusal is a page.
    """
    if request.method == "POST" and form.is_valid():
        try:
            return go_to(request, act())
        except DomainError as error:
            form.add_error(None, denied_message(actor, error))
    dialog = {"title": title, "description": description}
    if request.headers.get("HX-Request"):
        return render(
            request, "unfold/helpers/dialog.html", {"dialog": dialog, "form": form, "form_submit_text": submit}
        )
    status = HTTPStatus.BAD_REQUEST if form.errors else HTTPStatus.OK
    context = {"dialog": dialog, "form": form, "form_submit_text": submit}
    return render_page(request, "console/dialog.html", title, crumbs=crumbs, status=status, **context)
