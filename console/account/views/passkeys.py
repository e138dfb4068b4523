"""A person's own passkeys: listing, adding and removing them; and the removal of somebody else's by a superuser."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts.passkeys.enrolment import (
    PURPOSE,
    Enrolment,
    begin_enrolment,
    finish_enrolment,
    passkeys_of,
    remove_passkey,
)
from console.account.forms import NewPasskeyForm, PasskeyForm
from console.account.identity import identity_check
from console.shell.dialogs import submitted
from console.shell.pages import denied_message, page, render_page
from core.actors import Actor
from core.errors import DomainError


@page
def passkeys(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List a person's passkeys, and begin to add one: the page then asks the browser for it."""
    identity, enrolment = identity_check(request, purpose=PURPOSE, back_to=request.path), None
    form = PasskeyForm(submitted(request), identity=identity)
    if request.method == "POST" and form.is_valid():
        fields = form.cleaned_data
        try:
            enrolment = begin_enrolment(
                actor=actor, password=fields.get("password", ""), name=fields["name"], proof=identity.secret
            )
        except DomainError as error:
            form.add_error(None, denied_message(actor, error))
    return _page(request, actor, form, enrolment)


@page
@require_POST
def add(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Add the passkey that the browser made."""
    answer = NewPasskeyForm(request.POST)
    if not answer.is_valid():
        messages.error(request, "The browser sent no passkey. Begin again, then select Make the passkey.")
        return redirect("console:passkeys")
    try:
        passkey = finish_enrolment(
            actor=actor, token=answer.cleaned_data["passkey_token"], answer=answer.cleaned_data["passkey_answer"]
        )
    except DomainError as error:
        messages.error(request, denied_message(actor, error))
        identity = identity_check(request, purpose=PURPOSE, back_to=reverse("console:passkeys"))
        return _page(request, actor, PasskeyForm(identity=identity), None)
    messages.success(request, f"The passkey {passkey.name} is added. You can sign approvals with it.")
    return redirect("console:passkeys")


@page
@require_POST
def remove(request: HttpRequest, actor: Actor, passkey_id: int) -> HttpResponse:
    """Remove a passkey: one's own, or as a superuser that of somebody else. Raises NotFound, Denied."""
    removed = remove_passkey(actor=actor, passkey_id=passkey_id)
    messages.success(request, f"The passkey {removed.name} is removed. What it has signed stays signed.")
    if removed.user_id == actor.user_id:
        return redirect("console:passkeys")
    return redirect("console:person", username=removed.user.username)


def _page(request: HttpRequest, actor: Actor, form: PasskeyForm, enrolment: Enrolment | None) -> HttpResponse:
    return render_page(
        request,
        "console/account/passkeys.html",
        "Passkeys",
        form=form,
        enrolment=enrolment,
        passkeys=list(passkeys_of(actor.user_id)),
        host=settings.PASSKEY_RP_ID,
        is_here=f"{request.scheme}://{request.get_host()}" in settings.PASSKEY_ORIGINS,
        origins=settings.PASSKEY_ORIGINS,
    )
