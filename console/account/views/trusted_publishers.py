"""Trusted publishers of a service account: jobs of CI and clusters that get short-lived tokens of it."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts.workload.publishers import (
    add_publisher,
    delete_publisher,
    find_managed_account,
    find_publisher,
    publishers_of,
)
from console.account.publisher_form import PublisherForm
from console.shell.dialogs import Dialog, run_dialog, submitted
from console.shell.forms import ConsoleForm
from console.shell.pages import Crumb, denied_message, page, render_page
from core.actors import Actor
from core.errors import DomainError


@page
def publishers(request: HttpRequest, actor: Actor, username: str) -> HttpResponse:
    """List the trusted publishers of a service account, and let its owner add one. Raises NotFound."""
    account = find_managed_account(actor, username)
    here = f"{request.scheme}://{request.get_host()}"
    form = PublisherForm(submitted(request), initial={"audience": here})
    if request.method == "POST" and form.is_valid():
        try:
            publisher = add_publisher(actor=actor, username=username, **form.cleaned_data)
        except DomainError as error:
            form.add_error(None, denied_message(actor, error))
        else:
            messages.success(request, f"Jobs that fit {publisher.name} get tokens of {account.username}.")
            return redirect("console:publishers", username=account.username)
    return render_page(
        request,
        "console/account/publishers.html",
        "Trusted publishers",
        crumbs=[Crumb(account.username, reverse("console:person", args=[account.username]))],
        account=account,
        form=form if account.owner_id == actor.user_id else None,
        rows=list(publishers_of(account)),
        minutes=settings.EXCHANGED_TOKEN_MINUTES,
        here=here,
    )


@page
def delete(request: HttpRequest, actor: Actor, publisher_id: int) -> HttpResponse:
    """Delete a trusted publisher, in a dialog. Raises NotFound."""
    publisher = find_publisher(actor, publisher_id)
    account = publisher.account

    def act() -> str:
        delete_publisher(actor=actor, publisher_id=publisher.pk)
        messages.success(request, f"{publisher.name} is no longer trusted.")
        return reverse("console:publishers", args=[account.username])

    dialog = Dialog(
        title=f"Delete {publisher.name}",
        description=f"Its jobs get no more tokens of {account.username}, and the tokens that they have are revoked.",
        submit="Delete trusted publisher",
        tone="is-bad",
    )
    crumbs = [Crumb("Trusted publishers", reverse("console:publishers", args=[account.username]))]
    return run_dialog(request, actor, dialog, ConsoleForm(submitted(request)), act, crumbs=crumbs)
