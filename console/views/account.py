"""One's own API tokens: issue (shown once), list, revoke."""

from __future__ import annotations

from datetime import timedelta

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from accounts.models import ApiToken, User
from accounts.services import issue_token, revoke_token
from audit.actors import Actor
from audit.errors import NotFound
from console.forms import TokenForm
from console.pages import page, render_page

_SHOWN = 100


def _own_tokens(actor: Actor) -> list[ApiToken]:
    return list(ApiToken.objects.filter(user_id=actor.user_id).order_by("-created_at")[:_SHOWN])


@page
def tokens(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Show one's tokens and issue one; its secret is in this answer and nowhere else."""
    form, secret, issued = TokenForm(request.POST or None), "", None
    if request.method == "POST" and form.is_valid():
        chosen = form.cleaned_data
        issued, secret = issue_token(
            actor=actor,
            user=User.objects.get(pk=actor.user_id),
            scopes=chosen["scopes"],
            expires_in=timedelta(days=chosen["days"]),
            label=chosen["label"],
        )
        form = TokenForm()
    context = {"form": form, "secret": secret, "issued": issued, "tokens": _own_tokens(actor)}
    return render_page(request, "console/tokens.html", "API tokens", **context)


@page
@require_POST
def revoke(request: HttpRequest, actor: Actor, token_id: int) -> HttpResponse:
    """Revoke one of one's own tokens."""
    token = ApiToken.objects.filter(pk=token_id, user_id=actor.user_id).first()
    if token is None:
        raise NotFound("You have no such token.")
    revoke_token(actor=actor, token=token)
    messages.success(
        request, f"The token {token.label or token.hint} is revoked. Whoever uses it is refused from now on."
    )
    return redirect("console:tokens")
