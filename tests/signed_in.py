"""Actors as the doors make them: a person by the session of their browser, a service account by its token."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import timedelta

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest
from django.test import RequestFactory
from django.utils import timezone

from accounts.authentication import TOKEN_PREFIX, actor_from_request, token_digest
from accounts.models import ApiToken, User
from core.actors import ALL_SCOPES, Actor, system_actor

# Reads what a test looks at, whoever may see it.
READER = system_actor("test")


def actor_of(user: User) -> Actor:
    """Return the actor of a request of this account: a person has a session, a service account a token."""
    return token_actor(user) if user.is_service else session_actor(user)


def session_actor(user: User) -> Actor:
    """Return the actor of a request from a browser in which somebody has signed in.

    The sign-in itself is not recorded.
    """
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    request = _request()
    request.session = SessionStore(session.session_key)
    request.user = get_user(request)
    return actor_from_request(request)


def token_actor(user: User) -> Actor:
    """Return the actor of a request with an API token of this account that has every scope."""
    secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
    ApiToken.objects.create(
        user=user,
        digest=token_digest(secret),
        hint=secret[:10],
        scopes=sorted(ALL_SCOPES),
        expires_at=timezone.now() + timedelta(days=1),
    )
    return actor_from_request(_request({"Authorization": f"Bearer {secret}"}))


def _request(headers: Mapping[str, str] | None = None) -> HttpRequest:
    request = RequestFactory().get("/", headers=headers)
    request.request_id = "test"  # type: ignore[attr-defined]  # a middleware sets it
    return request
