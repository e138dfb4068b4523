"""The change of a person's own password on the pages."""

from __future__ import annotations

from django.http import HttpRequest

from accounts.authentication import SIGNED_IN, actor_from_user
from accounts.browser_sessions import end_sessions
from accounts.models import User
from audit.actions import Action
from audit.services import record
from core.refs import user_ref


def note_own_password(request: HttpRequest) -> None:
    """Record that the person of a request changed their password, and end their other sessions.

    Call it in the transaction that changes the password.
    """
    user = User.objects.get(username=request.user.get_username())
    actor = actor_from_user(user, auth=SIGNED_IN, request_id=getattr(request, "request_id", ""))
    own_key = request.session.session_key or ""
    end_sessions(actor=actor, user=user, reason="the password was set", except_key=own_key)
    after = {"password": "set by its owner"}
    record(actor=actor, action=Action.ACCOUNT_USER_CHANGED, obj=user_ref(user.username), after=after)
