"""The page on which a superuser erases a person who has left."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts.administration import require_administrator
from accounts.erasure.service import KEPT, erase_person, erasure_of, find_erasable
from accounts.reauthentication import require_person
from audit.actions import Action
from console.shell.dialogs import submitted
from console.shell.forms import ConsoleForm, text_area
from console.shell.pages import Crumb, denied_message, page, render_page
from core.actors import Actor
from core.errors import DomainError


class ErasureForm(ConsoleForm):
    """Erase a person."""

    confirmation = forms.CharField(
        label="User name", max_length=150, help_text="Type the user name of the person. There is no way back."
    )
    reason = text_area("Reason", "It is kept in the audit log for good, so it must not name the person.", limit=1000)

    def __init__(self, data: object, *, username: str) -> None:
        super().__init__(data)
        self._username = username

    def clean_confirmation(self) -> str:
        """Refuse any other name. Raises ValidationError."""
        if self.cleaned_data["confirmation"] != self._username:
            raise forms.ValidationError(f"Type {self._username} to erase this person.")
        return self._username


@page
def erasure(request: HttpRequest, actor: Actor, username: str) -> HttpResponse:
    """Show the rows that erasing a person takes, and erase. Raises Denied for everybody but superusers, NotFound,
    Conflict while the account is active and under a legal hold.
    """
    require_person(actor, Action.ACCOUNT_PERSON_ERASED, "erase a person")
    require_administrator(actor, Action.ACCOUNT_PERSON_ERASED, username)
    person = find_erasable(username)
    form = ErasureForm(submitted(request), username=person.username)
    if request.method == "POST" and form.is_valid():
        try:
            erased = erase_person(actor=actor, username=username, reason=form.cleaned_data["reason"])
        except DomainError as error:
            form.add_error("reason", denied_message(actor, error))
        else:
            messages.success(request, f"The person is erased. Pages and exports show {erased.pseudonym}.")
            return redirect("console:person", username=erased.username)
    return render_page(
        request,
        "console/people/erasure.html",
        f"Erase {username}",
        crumbs=[
            Crumb("People", reverse("console:people")),
            Crumb(username, reverse("console:person", args=[username])),
        ],
        person=person,
        erasure=erasure_of(actor=actor, username=username),
        kept=KEPT,
        form=form,
    )
