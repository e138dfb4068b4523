"""Ending sessions of browsers by hand: one of them, or all of a person's."""

from __future__ import annotations

from django.db import transaction

from accounts.administration import require_administrator
from accounts.browser_sessions import end_rows, end_sessions
from accounts.models import BrowserSession, User
from accounts.reauthentication import require_person
from audit.actions import Action
from core.actors import Actor
from core.errors import NotFound
from core.ids import row_id


@transaction.atomic
def end_session(*, actor: Actor, session_id: int) -> BrowserSession:
    """End one session: the actor's own, or as a superuser that of somebody else. Raises NotFound, Denied."""
    require_person(actor, Action.ACCOUNT_SESSIONS_ENDED, "end sessions")
    rows = BrowserSession.objects.filter(pk=row_id(session_id)).select_related("user")
    row = (rows if actor.is_superuser else rows.filter(user_id=actor.user_id or 0)).first()
    if row is None:
        raise NotFound(f"You have no session {session_id}.")
    end_rows(actor, row.user, [row], reason="ended alone")
    return row


@transaction.atomic
def sign_out_everywhere(*, actor: Actor, username: str) -> int:
    """End all sessions of the actor, or as a superuser those of somebody else; return how many.

    Raises NotFound, Denied.
    """
    require_person(actor, Action.ACCOUNT_SESSIONS_ENDED, "end sessions")
    if username != actor.name:
        require_administrator(actor, Action.ACCOUNT_SESSIONS_ENDED, username)
    user = User.objects.filter(username=username).first()
    if user is None:
        raise NotFound(f"There is no account {username[:150]}.")
    return end_sessions(actor=actor, user=user, reason="signed out everywhere")
