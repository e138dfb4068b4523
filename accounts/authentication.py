"""Authentication: returns the actor for the credentials of a caller.

MLflow clients send a secret as a Bearer token or as the password of Basic authentication. It is an API token or the
secret of an approval session. An API token acts with its scopes and never approves. An approval session acts as the
person does on the pages: the person gave the password when it started, a few minutes ago.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection, Sequence
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
BAD_TOKEN = "The API token is unknown, expired or revoked, or its account or the account's owner is not active."  # noqa: S105 - a message
_SESSION_ENDED = "The approval session is unknown or has ended. Start a new one on the page API tokens."
TOKEN_PREFIX = "cst_"  # noqa: S105 - it lets secret scanners find a leaked token
APPROVAL_PREFIX = "csa_"
# The `auth` of an actor who signed in: by the session of a browser, or by an approval session.
SIGNED_IN = "session"
_USER = "SELECT u.id, u.username, u.is_service, u.is_superuser, t.scopes"
_WITH_OWNER = (
    "FROM accounts_apitoken t JOIN accounts_user u ON u.id = t.user_id LEFT JOIN accounts_user o ON o.id = u.owner_id"
)
_IS_VALID = "t.revoked_at IS NULL AND t.expires_at > %s AND u.is_active AND (u.owner_id IS NULL OR o.is_active)"
# Reads the user of a valid token. Its values are the digest of the token and the current time. A service account acts
# only while its owner is active.
AUTHENTICATED_USER_SQL = f"{_USER} {_WITH_OWNER} WHERE t.digest = %s AND {_IS_VALID}"


def token_digest(secret: str) -> str:
    """Return the digest under which a token is stored: SHA-256 in hex.

    A token has 256 bits of entropy, so a slow hash would not protect it better.
    """
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def password_mark(user: User) -> str:
    """Return a digest that changes when the password of a user changes; an approval session stores it."""
    return token_digest(user.get_session_auth_hash())


def actor_from_secret(secret: str, *, request_id: str) -> Actor:
    """Return the actor of an API token or of an approval session. Raises NotAuthenticated for any other secret."""
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
    """Return the actor of a valid token, in one query. Raises NotAuthenticated for any other secret."""
    now: Any = timezone.now()
    # Hand-written SQL, because every API call runs it and the ORM would take longer to build it than to run it.
    with connection.cursor() as cursor:
        cursor.execute(AUTHENTICATED_USER_SQL, [token_digest(secret), connection.ops.adapt_datetimefield_value(now)])
        row = cursor.fetchone()
    if row is None:
        raise NotAuthenticated(BAD_TOKEN)
    return _actor_of_token(row, request_id=request_id)


def actors_from_tokens(secrets: Collection[str]) -> dict[str, Actor]:
    """Return the actors of those of these API tokens that are valid, by secret, in one query."""
    by_digest = {token_digest(secret): secret for secret in secrets}
    if not by_digest:
        return {}
    now: Any = timezone.now()
    digests = ", ".join(["%s"] * len(by_digest))
    statement = f"{_USER}, t.digest {_WITH_OWNER} WHERE t.digest IN ({digests}) AND {_IS_VALID}"
    with connection.cursor() as cursor:
        cursor.execute(statement, [*by_digest, connection.ops.adapt_datetimefield_value(now)])
        return {by_digest[digest]: _actor_of_token(row, request_id="") for *row, digest in cursor.fetchall()}


def _actor_of_token(row: Sequence[Any], *, request_id: str) -> Actor:
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
    """Return the actor of a user with all scopes. ``auth`` says how the user was authenticated, such as `session`."""
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
    """Return whether the actor is a person who signed in, and not a token, a command or a job."""
    return actor.kind is ActorKind.USER and actor.auth == SIGNED_IN and actor.user_id is not None


def find_signed_in_person(actor: Actor) -> User | None:
    """Return the active account of a person who is signed in, None for any other actor."""
    if not is_signed_in_person(actor):
        return None
    return User.objects.filter(pk=actor.user_id or 0, is_active=True, is_service=False).first()


def presented_secret(header: str) -> str | None:
    """Return the secret in an Authorization header, None for an empty header.

    Raises NotAuthenticated for a header that cannot be read.
    """
    if not header:
        return None
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            pair = base64.b64decode(value.strip(), validate=True).decode("utf-8")
        except ValueError as error:  # the value is not base64, or does not encode UTF-8
            raise NotAuthenticated(BAD_TOKEN) from error
        return pair.partition(":")[2]
    raise NotAuthenticated(BAD_TOKEN)


def actor_from_request(request: HttpRequest) -> Actor:
    """Return the actor of a request: of its secret, else of the browser's session. Raises NotAuthenticated."""
    request_id = getattr(request, "request_id", "")
    secret = presented_secret(request.headers.get("Authorization", ""))
    if secret is not None:
        return actor_from_secret(secret, request_id=request_id)
    user = getattr(request, "user", None)
    if user is None or isinstance(user, AnonymousUser) or not user.is_active:
        raise NotAuthenticated(_NO_LOGIN)
    return actor_from_user(user, auth=SIGNED_IN, request_id=request_id)


def require_scope(actor: Actor, scope: Scope, *, action: str, obj: str = "") -> None:
    """Raise Denied where the actor's token does not have the scope."""
    if scope not in actor.scopes:
        raise Denied(f"This token does not have the scope {scope.value}.", action=action, obj=obj)
