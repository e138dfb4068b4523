"""From what a caller presents to an Actor. Tokens come as Bearer, or as the password of Basic, as MLflow clients send them."""

from __future__ import annotations

import base64
import binascii
import hashlib

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import ApiToken, User
from audit.actors import Actor, ActorKind, Scope
from audit.errors import Denied, NotAuthenticated

_NO_LOGIN = "Sign in, or send an API token: MLFLOW_TRACKING_TOKEN, or as the password of MLFLOW_TRACKING_USERNAME."
_BAD_TOKEN = "The API token is unknown, expired or revoked."  # noqa: S105 - a message
TOKEN_PREFIX = "cst_"  # noqa: S105 - so that secret scanners can find a leaked one


def token_digest(secret: str) -> str:
    """Return what is stored of a token: SHA-256 in hex. The secret has 256 bits of entropy; a slow hash adds nothing."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def actor_from_token(secret: str, *, request_id: str) -> Actor:
    """Return the actor of a live token, in one query; raise NotAuthenticated for any other secret."""
    now = timezone.now()
    token = (
        ApiToken.objects.select_related("user")
        .filter(Q(revoked_at__isnull=True) & Q(expires_at__gt=now) & Q(user__is_active=True))
        .filter(digest=token_digest(secret))
        .first()
    )
    if token is None:
        raise NotAuthenticated(_BAD_TOKEN)
    return _actor(token.user, auth="token", request_id=request_id, scopes=frozenset(token.scopes))


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


def presented_secret(header: str) -> str | None:
    """Return the token in an Authorization header, or None where there is no header; raise on one that cannot be read."""
    if not header:
        return None
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            pair = base64.b64decode(value.strip(), validate=True).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise NotAuthenticated(_BAD_TOKEN) from error
        return pair.partition(":")[2]
    raise NotAuthenticated(_BAD_TOKEN)


def actor_from_request(request: HttpRequest) -> Actor:
    """Return who calls: by token, else by session. Raises NotAuthenticated."""
    request_id = getattr(request, "request_id", "")
    secret = presented_secret(request.headers.get("Authorization", ""))
    if secret is not None:
        return actor_from_token(secret, request_id=request_id)
    user = getattr(request, "user", None)
    if user is None or isinstance(user, AnonymousUser) or not user.is_active:
        raise NotAuthenticated(_NO_LOGIN)
    return actor_from_user(user, auth="session", request_id=request_id)


def require_scope(actor: Actor, scope: Scope, *, action: str, obj: str = "") -> None:
    """Refuse a token that was not issued for this kind of call."""
    if scope not in actor.scopes:
        raise Denied(f"This token lacks the scope {scope.value}.", action=action, obj=obj)
