"""The sessions in which a person is signed in: listing and ending them; also those of others, by a superuser."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from accounts.browser_sessions import sessions_of
from accounts.sign_out import end_session, sign_out_everywhere
from console.shell.first_rows import first_rows
from console.shell.pages import page, render_page
from core.actors import Actor

_SHOWN = 100


@page
@require_safe
def sessions(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List a person's own sessions."""
    return render_page(
        request,
        "console/account/sessions.html",
        "Sessions",
        sessions=first_rows(sessions_of(actor.user_id), _SHOWN),
        own_key=request.session.session_key,
    )


@page
@require_POST
def end(request: HttpRequest, actor: Actor, session_id: int) -> HttpResponse:
    """End a session: one's own, or as a superuser that of somebody else. Raises NotFound."""
    ended = end_session(actor=actor, session_id=session_id)
    if ended.session_key == request.session.session_key:
        logout(request)
        return redirect("admin:login")
    messages.success(request, "The session is ended. The browser there has to sign in again.")
    if ended.user_id == actor.user_id:
        return redirect("console:sessions")
    return redirect("console:person", username=ended.user.username)


@page
@require_POST
def end_all(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Sign the person out everywhere, here too; or as a superuser somebody else. Raises NotFound, Denied."""
    username = request.POST.get("username") or actor.name
    ended = sign_out_everywhere(actor=actor, username=username)
    if username == actor.name:
        logout(request)
        return redirect("admin:login")
    messages.success(request, f"{username} is signed out everywhere ({ended} sessions).")
    return redirect("console:person", username=username)
