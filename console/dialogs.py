"""What every dialog does: shown in the page or, without scripts, as a page of its own; a refusal is read where it was asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from audit.actors import Actor
from audit.errors import DomainError, NotFound
from console.forms import ConsoleForm
from console.pages import Crumb, denied_message, go_to, render_page


@dataclass(frozen=True, slots=True)
class Dialog:
    """The words around a form. ``tone`` colours its button."""

    title: str
    submit: str
    description: str = ""
    tone: str = "is-primary"


def run_dialog(
    request: HttpRequest,
    actor: Actor,
    dialog: Dialog,
    form: ConsoleForm,
    act: Callable[[], str],
    *,
    crumbs: Sequence[Crumb] = (),
) -> HttpResponse:
    """Show a form; on POST call ``act``, which returns where to go next. What refuses is shown on the form. NotFound."""
    if request.method == "POST" and form.is_valid():
        try:
            return go_to(request, act())
        except DomainError as error:
            if isinstance(error, NotFound):
                raise
            form.add_error(None, denied_message(actor, error))
    context = {"dialog": dialog, "form": form, "form_submit_text": dialog.submit}
    if request.headers.get("HX-Request"):
        return render(request, "unfold/helpers/dialog.html", context)
    status = HTTPStatus.BAD_REQUEST if form.errors else HTTPStatus.OK
    return render_page(request, "console/dialog.html", dialog.title, crumbs=crumbs, status=status, **context)
