"""The credential of a request, and the account that it belongs to."""

from __future__ import annotations

import time
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.db import DatabaseError, connection

from accounts.authentication import presented_secret, token_digest
from accounts.models import ApiToken, ApprovalSession
from accounts.session_store import is_session_key
from core.errors import NotAuthenticated

# The account of a credential is looked up once in this time.
_REMEMBER_SECONDS = 60.0
_MOST_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Caller:
    """The digest of a credential, and the id of its account, "" for a credential that is not known."""

    digest: str
    account: str


_accounts: dict[str, tuple[float, str]] = {}


def caller_of(environ: dict[str, Any]) -> Caller | None:
    """Return the caller of a request, None where it presents no credential."""
    header = environ.get("HTTP_AUTHORIZATION", "")
    if header:
        try:
            secret = presented_secret(header)
        except NotAuthenticated:
            secret = header
        digest = token_digest(secret or "")
        return Caller(digest, _account_of(digest, ""))
    session_key = _session_key(environ.get("HTTP_COOKIE", ""))
    if not session_key:
        return None
    digest = token_digest(session_key)
    return Caller(digest, _account_of(digest, session_key))


def _session_key(header: str) -> str:
    try:
        morsel = SimpleCookie(header).get(settings.SESSION_COOKIE_NAME)
    except CookieError:
        return ""
    return morsel.value if morsel and is_session_key(morsel.value) else ""


def _account_of(digest: str, session_key: str) -> str:
    now = time.monotonic()
    until, account = _accounts.get(digest, (0.0, ""))
    if until > now:
        return account
    try:
        account = _find_account(digest, session_key)
    except DatabaseError:
        return ""  # the request itself will be answered 503
    finally:
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()
    if len(_accounts) >= _MOST_REMEMBERED:
        _accounts.clear()
    _accounts[digest] = (now + _REMEMBER_SECONDS, account)
    return account


def _find_account(digest: str, session_key: str) -> str:
    if session_key:
        session = Session.objects.filter(pk=session_key[:40]).first()
        return str(session.get_decoded().get(SESSION_KEY, "")) if session else ""
    for model in (ApiToken, ApprovalSession):
        user_id = model.objects.filter(digest=digest).values_list("user_id", flat=True).first()
        if user_id is not None:
            return str(user_id)
    return ""
