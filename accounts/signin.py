"""Sign-ins, sign-outs and failed attempts to sign in are recorded as events.

Django reports them by signals. After too many failed attempts not even the right password is accepted for a while, so
that passwords cannot be guessed.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth import login
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import transaction
from django.dispatch import receiver
from django.http import HttpRequest

from accounts.approval_sessions import end_sessions_of_sign_in
from accounts.attempts import claim_attempt, return_attempt
from accounts.authentication import actor_from_user
from accounts.browser_sessions import note_use
from accounts.models import User
from audit.actions import Action
from audit.services import record
from core.actors import anonymous_actor
from core.refs import user_ref

FAILURE_WINDOW = timedelta(minutes=15)
# The key of a session for the identity provider at which it began.
PROVIDER_KEY = "identity_provider"
# The failed attempts for one username: from one address, so that attempts from elsewhere lock nobody out, and from all.
MAX_FAILURES_FROM_ADDRESS, MAX_FAILURES = 10, 50
_LONGEST_NAME = 150
_FACTS = "_custody_sign_in_facts"


@receiver(user_logged_in, dispatch_uid="accounts.signed_in")
def record_sign_in(*, user: User, request: HttpRequest | None, **_kwargs: Any) -> None:
    """Record a sign-in, and note the session of the browser and the identity provider at which it began."""
    if request is not None:
        request.session[PROVIDER_KEY] = getattr(request, _FACTS, {}).get("provider", "")
        note_use(request, user)
    _record_of(user, request, Action.ACCOUNT_SIGNED_IN)


@receiver(user_logged_out, dispatch_uid="accounts.signed_out")
def record_sign_out(*, user: User | None, request: HttpRequest | None, **_kwargs: Any) -> None:
    """Record a sign-out and end the approval sessions of that sign-in. An expired session has no user to record."""
    if not isinstance(user, User):
        return
    _record_of(user, request, Action.ACCOUNT_SIGNED_OUT)
    session = getattr(request, "session", None)
    actor = actor_from_user(user, auth="session", request_id=_request_id(request))
    end_sessions_of_sign_in(actor=actor, session_key=str(getattr(session, "session_key", "") or ""))


@receiver(user_login_failed, dispatch_uid="accounts.login_failed")
def record_failed_sign_in(*, credentials: dict[str, Any], request: HttpRequest | None = None, **_kwargs: Any) -> None:
    """Record a failed sign-in with an anonymous actor and the entered name. ``credentials`` has no password."""
    name = str(credentials.get("username", ""))[:_LONGEST_NAME]
    with transaction.atomic():
        record(
            actor=anonymous_actor(request_id=_request_id(request)),
            action=Action.ACCOUNT_AUTHENTICATION_FAILED,
            obj=user_ref(name),
            outcome="denied",
            after=_origin(request),
        )


def record_refused_sign_in(*, request: HttpRequest, provider: str, reason: str, username: str = "") -> None:
    """Record a sign-in at an identity provider that was refused. ``username`` is empty where the account is unknown."""
    with transaction.atomic():
        record(
            actor=anonymous_actor(request_id=_request_id(request)),
            action=Action.ACCOUNT_AUTHENTICATION_FAILED,
            obj=user_ref(username[:_LONGEST_NAME]),
            outcome="denied",
            after={**_origin(request), "provider": provider},
            reason=reason,
        )


def record_wrong_factor(*, request: HttpRequest | None, username: str, reason: str) -> None:
    """Record a sign-in with the right password and a wrong second factor."""
    with transaction.atomic():
        record(
            actor=anonymous_actor(request_id=_request_id(request)),
            action=Action.ACCOUNT_AUTHENTICATION_FAILED,
            obj=user_ref(username[:_LONGEST_NAME]),
            outcome="denied",
            after=_origin(request),
            reason=reason,
        )


def note_sign_in_facts(request: HttpRequest | None, **facts: str) -> None:
    """Keep facts for the event of the sign-in that this request is about to make."""
    if request is not None:
        setattr(request, _FACTS, facts)


def sign_in(request: HttpRequest, user: User, **facts: str) -> None:
    """Sign a person in whose identity was proved otherwise than by a password; ``facts`` of the event say how."""
    note_sign_in_facts(request, **facts)
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")


def claim_sign_in(name: str, request: HttpRequest | None) -> bool:
    """Count an attempt to sign in and return whether it is allowed. Call it before the password is checked."""
    by_name, by_address = _attempt_keys(name, request)
    return claim_attempt(by_address, limit=MAX_FAILURES_FROM_ADDRESS, window=FAILURE_WINDOW) and claim_attempt(
        by_name, limit=MAX_FAILURES, window=FAILURE_WINDOW
    )


def return_sign_in(name: str, request: HttpRequest | None) -> None:
    """Subtract an attempt whose password was right from the count."""
    for subject in _attempt_keys(name, request):
        return_attempt(subject)


def _attempt_keys(name: str, request: HttpRequest | None) -> tuple[str, str]:
    """Return the keys by which attempts are counted: the name, and the name with this address."""
    by_name = f"sign-in:{user_ref(name[:_LONGEST_NAME])}"
    return by_name, f"{by_name} from {_origin(request).get('address', '')}"


def _record_of(user: User, request: HttpRequest | None, action: Action) -> None:
    with transaction.atomic():
        actor = actor_from_user(user, auth="session", request_id=_request_id(request))
        facts = getattr(request, _FACTS, {}) if action is Action.ACCOUNT_SIGNED_IN else {}
        record(actor=actor, action=action, obj=user_ref(user.username), after={**_origin(request), **facts})


def _request_id(request: HttpRequest | None) -> str:
    return str(getattr(request, "request_id", ""))


def _origin(request: HttpRequest | None) -> dict[str, str]:
    """Return the client's network address for an event, {} where it is unknown."""
    address = request.META.get("REMOTE_ADDR", "") if request is not None else ""
    return {"address": address} if address else {}
