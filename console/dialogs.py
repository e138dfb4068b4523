"""Dialogs of our own pages: a form over the page where there are scripts, a page of its own where there are none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from approvals.services.requests import MAX_COMMENT
from console.forms import ConsoleForm
from console.pages import Crumb, render_page


@dataclass(frozen=True, slots=True)
class Dialog:
    """What stands around the form; ``tone`` colours the button."""

    title: str
    description: str
    submit: str
    tone: str = "is-primary"


class ReasonForm(ConsoleForm):
    """Why; a word is welcome."""

    comment = forms.CharField(
        label="Why?", required=False, max_length=MAX_COMMENT, widget=forms.Textarea(attrs={"rows": 3})
    )


class VerdictForm(ConsoleForm):
    """A decision on exactly what was shown: ``seen_digest`` names it."""

    comment = forms.CharField(
        label="Comment",
        max_length=MAX_COMMENT,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Kept for good, beside your name: what convinced you, or what has to change.",
    )
    seen_digest = forms.CharField(widget=forms.HiddenInput, max_length=64, required=False)


def show_dialog(request: HttpRequest, dialog: Dialog, form: forms.Form, crumbs: Sequence[Crumb]) -> HttpResponse:
    """Render a dialog, with what was wrong with it the last time."""
    words = {"title": dialog.title, "description": dialog.description, "tone": dialog.tone}
    context = {"dialog": words, "form": form, "form_submit_text": dialog.submit}
    if request.headers.get("HX-Request"):
        return render(request, "unfold/helpers/dialog.html", context)
    status = HTTPStatus.BAD_REQUEST if form.errors else HTTPStatus.OK
    return render_page(request, "console/dialog.html", dialog.title, crumbs=crumbs, status=status, **context)
