"""The page of invitations: superusers let people make accounts with an identity provider."""

from __future__ import annotations

from datetime import timedelta

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from accounts.administration import require_administrator
from accounts.oidc.configuration import configured_providers
from accounts.oidc.invitations import invite, list_invitations, withdraw_invitation
from audit.actions import Action
from console.shell.dialogs import submitted
from console.shell.first_rows import first_rows
from console.shell.forms import ConsoleForm, missing_as_form_error
from console.shell.pages import Crumb, denied_message, page, render_page
from core.actors import Actor
from core.errors import DomainError

_SHOWN = 100


class InvitationForm(ConsoleForm):
    """Invite a person."""

    provider = forms.ChoiceField(
        label="Identity provider", choices=lambda: [(each.id, each.name) for each in configured_providers()]
    )
    email = forms.CharField(
        label="E-mail address",
        max_length=254,
        help_text="The provider must say that this address belongs to the person who signs in.",
    )
    username = forms.CharField(
        label="Username",
        max_length=150,
        required=False,
        help_text="Leave empty to use the name that the provider sends. It cannot be changed later.",
    )
    days = forms.TypedChoiceField(
        label="Valid for", coerce=int, initial=14, choices=[(1, "1 day"), (14, "14 days"), (90, "90 days")]
    )


@page
def invitations(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List invitations, and invite a person. Raises Denied for everybody but superusers."""
    require_administrator(actor, Action.ACCOUNT_INVITATION_ISSUED, "")
    form = InvitationForm(submitted(request))
    if request.method == "POST" and form.is_valid():
        try:
            email = _invite(actor, form)
        except DomainError as error:
            form.add_error(None, denied_message(actor, error))
        else:
            messages.success(request, f"{email} is invited. Tell them to sign in; no message is sent.")
            return redirect("console:invitations")
    return render_page(
        request,
        "console/people/invitations.html",
        "Invitations",
        crumbs=[Crumb("People", reverse("console:people"))],
        form=form,
        rows=first_rows(list_invitations(), _SHOWN),
        now=timezone.now(),
        has_providers=bool(configured_providers()),
    )


@page
@require_POST
def withdraw(request: HttpRequest, actor: Actor, invitation_id: int) -> HttpResponse:
    """Withdraw an invitation. Raises Denied for everybody but superusers, NotFound, InvalidState."""
    invitation = withdraw_invitation(actor=actor, invitation_id=invitation_id)
    messages.success(request, f"The invitation of {invitation.email} is withdrawn.")
    return redirect("console:invitations")


def _invite(actor: Actor, form: InvitationForm) -> str:
    fields = form.cleaned_data
    with missing_as_form_error():
        invitation = invite(
            actor=actor,
            provider=fields["provider"],
            email=fields["email"],
            username=fields["username"],
            expires_in=timedelta(days=fields["days"]),
        )
    return invitation.email
