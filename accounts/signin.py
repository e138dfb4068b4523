"""Sign-ins, sign-outs and failed tries become events.

Django reports them by signals; the actor is passed on explicitly.

After too many failed attempts not even the right password is accepted for a while, so that passwords cannot be guessed.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import transaction
from django.dispatch import receiver
from django.http import HttpRequest

from accounts.approval_sessions import end_sessions_of_sign_in
from accounts.attempts import claim_attempt, return_attempt
from accounts.authentication import actor_from_user
from accounts.models import User
from audit.actions import Action
from audit.services import record
from core.actors import anonymous_actor
from core.refs import user_ref

FAILURE_WINDOW = timedelta(minutes=15)
# Counted for one address, so that attempts from elsewhere lock nobody out, and for all addresses together.
MAX_FAILURES_THERE, MAX_FAILURES = 10, 50
_LONGEST_NAME = 150


@receiver(user_logged_in, dispatch_uid="accounts.signed_in")
def record_sign_in(*, user: User, request: HttpRequest | None, **_kwargs: Any) -> None:
    """Record a sign-in."""
    _record_of(user, request, Action.ACCOUNT_SIGNED_IN)


@receiver(user_logged_out, dispatch_uid="accounts.signed_out")
def record_sign_out(*, user: User | None, request: HttpRequest | None, **_kwargs: Any) -> None:
    """Record a sign-out, and end the approval session of that sign-in. An expired session has no user to record."""
    if not isinstance(user, User):
        return
    _record_of(user, request, Action.ACCOUNT_SIGNED_OUT)
    session = getattr(request, "session", None)
    actor = actor_from_user(user, auth="session", request_id=_request_id(request))
    end_sessions_of_sign_in(actor=actor, session_key=str(getattr(session, "session_key", "") or ""))


@receiver(user_login_failed, dispatch_uid="accounts.login_failed")
def record_failed_sign_in(*, credentials: dict[str, Any], request: HttpRequest | None = None, **_kwargs: Any) -> None:
    """Record the name that was tried, with an anonymous actor. The password is not in ``credentials``."""
    name = str(credentials.get("username", ""))[:_LONGEST_NAME]
    with transaction.atomic():
        record(
            actor=anonymous_actor(request_id=_request_id(request)),
            action=Action.ACCOUNT_AUTHENTICATION_FAILED,
            obj=user_ref(name),
            outcome="denied",
            after=_origin(request),
        )


def claim_sign_in(name: str, request: HttpRequest | None) -> bool:
    """Count a try to sign in, before the password is checked. False: there were so many that this one has to wait."""
    everywhere, there = _limited(name, request)
    return claim_attempt(there, limit=MAX_FAILURES_THERE, window=FAILURE_WINDOW) and claim_attempt(
        everywhere, limit=MAX_FAILURES, window=FAILURE_WINDOW
    )


def forgive_sign_in(name: str, request: HttpRequest | None) -> None:
    """Take back the count of a try whose password was right."""
    for subject in _limited(name, request):
        return_attempt(subject)


def _limited(name: str, request: HttpRequest | None) -> tuple[str, str]:
    """Return the keys that failed sign-ins are counted by: the name, and the name from this address."""
    everywhere = f"sign-in:{user_ref(name[:_LONGEST_NAME])}"
    return everywhere, f"{everywhere} from {_origin(request).get('address', '')}"


def _record_of(user: User, request: HttpRequest | None, action: Action) -> None:
    with transaction.atomic():
        actor = actor_from_user(user, auth="session", request_id=_request_id(request))
        record(actor=actor, action=action, obj=user_ref(user.username), after=_origin(request))


def _request_id(request: HttpRequest | None) -> str:
    return str(getattr(request, "request_id", ""))


def _origin(request: HttpRequest | None) -> dict[str, str]:
    """Return the address the request came from, as the server saw it."""
    address = request.META.get("REMOTE_ADDR", "") if request is not None else ""
    return {"address": address} if address else {}
