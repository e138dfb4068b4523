"""A person's own API tokens: listing, issuing and revoking them."""

from __future__ import annotations

from datetime import timedelta

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from accounts.local_passwords import has_local_password
from accounts.models import User
from accounts.services import issue_token, revoke_token
from console.account.forms import TokenForm
from console.shell.first_rows import first_rows
from console.shell.pages import page, render_page
from core.actors import Actor
from core.errors import NotFound

_SHOWN = 100


def _user_of(actor: Actor) -> User:
    return User.objects.get(username=actor.name)


@page
def tokens(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List a person's tokens and issue one. Its secret is in this response and nowhere else."""
    user, form, secret = _user_of(actor), TokenForm(request.POST or None), ""
    if request.method == "POST" and form.is_valid():
        chosen = form.cleaned_data
        _, secret = issue_token(
            actor=actor,
            user=user,
            scopes=chosen["scopes"],
            expires_in=timedelta(days=chosen["days"]),
            label=chosen["label"],
        )
        form = TokenForm()
    own = first_rows(user.api_tokens.order_by("-created_at"), _SHOWN)
    return render_page(
        request,
        "console/account/tokens.html",
        "API tokens",
        form=form,
        secret=secret,
        tokens=own,
        has_password=has_local_password(user),
    )


@page
@require_POST
def revoke(request: HttpRequest, actor: Actor, token_id: int) -> HttpResponse:
    """Revoke one of the person's own tokens. Raises NotFound."""
    token = _user_of(actor).api_tokens.filter(pk=token_id).first()
    if token is None:
        raise NotFound(f"You have no token {token_id}.")
    revoke_token(actor=actor, token=token)
    messages.success(request, f"The token {token.label or token.hint} is revoked. Requests with it are refused.")
    return redirect("console:tokens")
