"""Authentication: from the credentials of a caller to an Actor.

Secrets come as Bearer, or as the password of Basic, as MLflow clients send them.

Two kinds of secrets: an API token acts with its scopes and never approves; the secret of an approval session is a
person who gave their password minutes ago, and acts as they do on the pages.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import orjson
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from accounts.models import ApprovalSession, User
from core.actors import Actor, ActorKind, Scope
from core.errors import Denied, NotAuthenticated

_NO_LOGIN = "Sign in, or send an API token: MLFLOW_TRACKING_TOKEN, or as the password of MLFLOW_TRACKING_USERNAME."
_BAD_TOKEN = "The API token is unknown, expired or revoked, or its account or the owner of that is not active."  # noqa: S105 - a message
_SESSION_ENDED = "The approval session is unknown or has ended. Start a new one on the page API tokens."
TOKEN_PREFIX = "cst_"  # noqa: S105 - so that secret scanners can find a leaked one
APPROVAL_PREFIX = "csa_"
# How somebody who signed in proves who they are: by the session of their browser, or by an approval session.
SIGNED_IN = "session"
# The user of a live token, by its digest and the time now. A service account acts while its owner is active.
WHO_CALLS = (
    "SELECT u.id, u.username, u.is_service, u.is_superuser, t.scopes "
    "FROM accounts_apitoken t JOIN accounts_user u ON u.id = t.user_id LEFT JOIN accounts_user o ON o.id = u.owner_id "
    "WHERE t.digest = %s AND t.revoked_at IS NULL AND t.expires_at > %s AND u.is_active "
    "AND (u.owner_id IS NULL OR o.is_active)"
)


def token_digest(secret: str) -> str:
    """Return the stored form of a token: SHA-256 in hex.

    The secret has 256 bits of entropy; a slow hash adds nothing.
    """
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def password_mark(user: User) -> str:
    """Return the mark of a password that an approval session stores: it changes when the password does."""
    return token_digest(user.get_session_auth_hash())


def actor_from_secret(secret: str, *, request_id: str) -> Actor:
    """Return the actor of an API token or of an approval session; raise NotAuthenticated for anything else."""
    if secret.startswith(APPROVAL_PREFIX):
        return _actor_from_approval_session(secret, request_id=request_id)
    return actor_from_token(secret, request_id=request_id)


def _actor_from_approval_session(secret: str, *, request_id: str) -> Actor:
    live = Q(revoked_at__isnull=True, expires_at__gt=timezone.now(), user__is_active=True, user__is_service=False)
    rows = ApprovalSession.objects.select_related("user").filter(live, digest=token_digest(secret))
    session = rows.first()
    if session is None or not constant_time_compare(session.password_mark, password_mark(session.user)):
        raise NotAuthenticated(_SESSION_ENDED)
    return actor_from_user(session.user, auth=SIGNED_IN, request_id=request_id)


def actor_from_token(secret: str, *, request_id: str) -> Actor:
    """Return the actor of a live token, in one query; raise NotAuthenticated for any other secret."""
    now: Any = timezone.now()
    # Hand-written SQL: every API call starts here, and building the statement would cost more than running it.
    with connection.cursor() as cursor:
        cursor.execute(WHO_CALLS, [token_digest(secret), connection.ops.adapt_datetimefield_value(now)])
        row = cursor.fetchone()
    if row is None:
        raise NotAuthenticated(_BAD_TOKEN)
    user_id, name, is_service, is_superuser, scopes = row
    return Actor(
        kind=ActorKind.SERVICE if is_service else ActorKind.USER,
        name=name,
        user_id=user_id,
        auth="token",
        is_superuser=bool(is_superuser),
        scopes=frozenset(orjson.loads(scopes)),
        request_id=request_id,
    )


def actor_from_user(user: User, *, auth: str, request_id: str) -> Actor:
    """Return the actor of somebody who has signed in (``auth`` says how); all scopes, for a session is no token."""
    return _actor(user, auth=auth, request_id=request_id, scopes=frozenset(Scope))


def _actor(user: User, *, auth: str, request_id: str, scopes: frozenset[str]) -> Actor:
    return Actor(
        kind=ActorKind.SERVICE if user.is_service else ActorKind.USER,
        name=user.username,
        user_id=user.pk,
        auth=auth,
        is_superuser=user.is_superuser,
        scopes=scopes,
        request_id=request_id,
    )


def is_signed_in_person(actor: Actor) -> bool:
    """Return whether the actor is a person who signed in.

    API tokens, commands and jobs are not, whoever they belong to.
    """
    return actor.kind is ActorKind.USER and actor.auth == SIGNED_IN and actor.user_id is not None


def find_signed_in_person(actor: Actor) -> User | None:
    """Return the active account of a person who is signed in, None for everybody else."""
    if not is_signed_in_person(actor):
        return None
    return User.objects.filter(pk=actor.user_id or 0, is_active=True, is_service=False).first()


def presented_secret(header: str) -> str | None:
    """Return the token in an Authorization header, or None where there is no header; raise on one that cannot be read.

    Raises NotAuthenticated.
    """
    if not header:
        return None
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            pair = base64.b64decode(value.strip(), validate=True).decode("utf-8")
        except ValueError as error:  # no base64, not even ASCII, or no UTF-8 in it
            raise NotAuthenticated(_BAD_TOKEN) from error
        return pair.partition(":")[2]
    raise NotAuthenticated(_BAD_TOKEN)


def actor_from_request(request: HttpRequest) -> Actor:
    """Return the actor of a request, by the secret in it, else by the browser's session. Raises NotAuthenticated."""
    request_id = getattr(request, "request_id", "")
    secret = presented_secret(request.headers.get("Authorization", ""))
    if secret is not None:
        return actor_from_secret(secret, request_id=request_id)
    user = getattr(request, "user", None)
    if user is None or isinstance(user, AnonymousUser) or not user.is_active:
        raise NotAuthenticated(_NO_LOGIN)
    return actor_from_user(user, auth=SIGNED_IN, request_id=request_id)


def require_scope(actor: Actor, scope: Scope, *, action: str, obj: str = "") -> None:
    """Refuse a token that was not issued for this kind of call. Raises Denied."""
    if scope not in actor.scopes:
        raise Denied(f"This token lacks the scope {scope.value}.", action=action, obj=obj)
