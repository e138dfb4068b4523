"""The page on which a superuser hands over what a leaver owns, and deactivates the account."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts.administration import require_administrator
from approvals.leavers.belongings import belongings_of
from approvals.leavers.hand_over import find_leaver, hand_over
from audit.actions import Action
from console.shell.dialogs import submitted
from console.shell.forms import ConsoleForm
from console.shell.pages import Crumb, denied_message, page, render_page
from core.actors import Actor
from core.errors import DomainError


class LeaverForm(ConsoleForm):
    """Hand over and deactivate."""

    successor = forms.CharField(
        label="Successor",
        max_length=150,
        required=False,
        help_text="The username of the person who gets models, findings, service accounts and groups.",
    )


@page
def leaver(request: HttpRequest, actor: Actor, username: str) -> HttpResponse:
    """Show the belongings of a person, and hand them over. Raises Denied for everybody but superusers, NotFound."""
    require_administrator(actor, Action.ACCOUNT_USER_CHANGED, username)
    person = find_leaver(username)
    form = LeaverForm(submitted(request))
    if request.method == "POST" and form.is_valid():
        try:
            hand_over(actor=actor, username=username, successor=form.cleaned_data["successor"])
        except DomainError as error:
            form.add_error("successor", denied_message(actor, error))
        else:
            messages.success(request, f"{username} is deactivated, and what they owned is handed over.")
            return redirect("console:person", username=username)
    return render_page(
        request,
        "console/people/leaver.html",
        f"{username} leaves",
        crumbs=[
            Crumb("People", reverse("console:people")),
            Crumb(username, reverse("console:person", args=[username])),
        ],
        person=person,
        belongings=belongings_of(person),
        form=form,
    )
