"""Model cards: read, edit the fields that people write, look at revisions."""

from __future__ import annotations

from http import HTTPStatus

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from audit.actors import Actor
from audit.errors import Conflict, InvalidInput
from console.cards import CardPage, card_page, diff_fields
from console.forms import CardForm
from console.pages import model_crumbs, page, render_page
from registry.permissions import Level, has_level
from registry.queries import get_version
from registry.services.cards import edit_card


@page
def card_detail(request: HttpRequest, actor: Actor, name: str, number: int) -> HttpResponse:
    """Show the card of a version."""
    version = get_version(actor, name, number)
    may_edit = has_level(actor, version.model, Level.EDIT)
    crumbs, shown = model_crumbs(name, number), card_page(version)
    return render_page(request, "console/card.html", "Model card", crumbs=crumbs, shown=shown, may_edit=may_edit)


@page
def card_revision(request: HttpRequest, actor: Actor, name: str, number: int, revision: int) -> HttpResponse:
    """Show one revision and what it changed."""
    shown = card_page(get_version(actor, name, number), revision)
    before = next((row for row in shown.revisions if row.number == revision - 1), None)
    diffs = diff_fields(before, shown.revision) if before else []
    crumbs = model_crumbs(name, number)
    return render_page(request, "console/card.html", f"Revision {revision}", crumbs=crumbs, shown=shown, diffs=diffs)


@page
def card_edit(request: HttpRequest, actor: Actor, name: str, number: int) -> HttpResponse:
    """Edit the human fields; a card that somebody else changed meanwhile is not overwritten."""
    shown = card_page(get_version(actor, name, number))
    form = CardForm(request.POST or None, card=shown.newest)
    if request.method == "POST" and form.is_valid() and _save(actor, shown, form):
        messages.success(request, "The card is saved. Reviews given before this change no longer count.")
        return redirect("console:card", name, number)
    status = HTTPStatus.BAD_REQUEST if form.errors else HTTPStatus.OK
    crumbs = model_crumbs(name, number)
    return render_page(
        request, "console/card_edit.html", "Edit card", crumbs=crumbs, status=status, shown=shown, form=form
    )


def _save(actor: Actor, shown: CardPage, form: forms.Form) -> bool:
    """Write a revision; what the service cannot take becomes an error on the form."""
    fields = {key: value for key, value in form.cleaned_data.items() if key != "number"}
    try:
        edit_card(actor=actor, version=shown.version, fields=fields, expected_number=form.cleaned_data["number"])
    except (Conflict, InvalidInput) as error:
        form.add_error(None, error.message)
        return False
    return True
