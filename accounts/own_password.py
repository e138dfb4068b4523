"""The change of a person's own password on the pages."""

from __future__ import annotations

from django.http import HttpRequest

from accounts.authentication import SIGNED_IN, actor_from_user
from accounts.browser_sessions import end_sessions
from accounts.models import User
from accounts.reauthentication import require_password
from audit.actions import Action
from audit.services import record
from core.actors import Actor
from core.refs import user_ref


def require_own_password(request: HttpRequest) -> None:
    """Raise Denied unless the form has the person's present password, and after too many wrong ones.

    Call it before the transaction that changes the password.
    """
    user, actor = _person(request)
    require_password(actor, user, request.POST.get("old_password", ""), Action.ACCOUNT_REAUTHENTICATED)


def note_own_password(request: HttpRequest) -> None:
    """Record that the person of a request changed their password, and end their other sessions.

    Call it in the transaction that changes the password.
    """
    user, actor = _person(request)
    own_key = request.session.session_key or ""
    end_sessions(actor=actor, user=user, reason="the password was set", except_key=own_key)
    after = {"password": "set by its owner"}
    record(actor=actor, action=Action.ACCOUNT_USER_CHANGED, obj=user_ref(user.username), after=after)


def _person(request: HttpRequest) -> tuple[User, Actor]:
    user = User.objects.get(username=request.user.get_username())
    return user, actor_from_user(user, auth=SIGNED_IN, request_id=getattr(request, "request_id", ""))
