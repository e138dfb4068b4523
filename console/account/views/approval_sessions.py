"""Approving from a script: a secret for a few minutes, for the person who gives their password again."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts.approval_sessions import end_approval_sessions, live_sessions, start_approval_session
from accounts.models import ApprovalSession
from console.account.forms import PasswordForm
from console.shell.pages import Crumb, denied_message, page, render_page
from core.actors import Actor
from core.errors import Denied


@page
def approval_session(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Start one's approval session; its secret is in this answer and nowhere else. Looking shows whether one is live."""
    form, secret = PasswordForm(request.POST or None), ""
    started: ApprovalSession | None = live_sessions(actor.user_id).first()
    if request.method == "POST" and form.is_valid():
        try:
            started, secret = start_approval_session(
                actor=actor,
                password=form.cleaned_data["password"],
                session_key=request.session.session_key or "",
            )
        except Denied as error:
            form.add_error("password", denied_message(actor, error))
    crumbs = [Crumb("API tokens", reverse("console:tokens"))]
    return render_page(
        request,
        "console/account/approval_session.html",
        "Approve from a script",
        crumbs=crumbs,
        form=form,
        secret=secret,
        started=started,
    )


@page
@require_POST
def end_session(request: HttpRequest, actor: Actor) -> HttpResponse:
    """End one's approval session."""
    end_approval_sessions(actor=actor)
    messages.success(request, "Your approval session has ended. Whoever uses its secret is refused from now on.")
    return redirect("console:approval_session")
