"""Approval sessions: a secret that lets a script approve as a person for a few minutes."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts.approval_sessions import PURPOSE, end_approval_sessions, live_sessions, start_approval_session
from accounts.models import ApprovalSession
from console.account.forms import IdentityForm, PasswordForm
from console.account.identity import identity_check
from console.shell.dialogs import submitted
from console.shell.forms import ConsoleForm
from console.shell.pages import Crumb, denied_message, page, render_page
from core.actors import Actor
from core.errors import Denied


@page
def approval_session(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Show whether a session is live, and start one. Its secret is in this response and nowhere else."""
    identity = identity_check(request, purpose=PURPOSE, back_to=request.path)
    form: ConsoleForm = PasswordForm(request.POST or None)
    if not identity.by_password:
        form = IdentityForm(submitted(request), identity=identity)
    secret = ""
    started: ApprovalSession | None = live_sessions(actor.user_id).first()
    if request.method == "POST" and form.is_valid():
        try:
            started, secret = start_approval_session(
                actor=actor,
                password=form.cleaned_data.get("password", ""),
                session_key=request.session.session_key or "",
                proof=identity.secret,
            )
        except Denied as error:
            form.add_error("password" if identity.by_password else "identity", denied_message(actor, error))
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
    """End the person's approval session."""
    end_approval_sessions(actor=actor)
    messages.success(request, "Your approval session has ended. Requests with its secret are refused.")
    return redirect("console:approval_session")
