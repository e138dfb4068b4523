"""Sessions of browsers: noting where a person is signed in, and ending sessions before they expire."""

from __future__ import annotations

import math
import time

from django.contrib.sessions.models import Session
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts.approval_sessions import end_sessions_of_keys
from accounts.models import BrowserSession, User
from audit.actions import Action
from audit.services import record
from audit.texts.owners import TextOf
from core.actors import Actor
from core.refs import user_ref

# How exact the time of the last use is, in seconds: each process writes it once in this time.
USE_SECONDS = 300
# The reason of ended sessions where the account was deactivated.
DEACTIVATED = "the account was deactivated"
_LONGEST_BROWSER, _LONGEST_ADDRESS = 300, 64
# When this process last noted the use of a session, by its key; emptied when it is full.
_NOTED: dict[str, float] = {}
_MOST_NOTED = 20_000


def note_use(request: HttpRequest, user: User) -> None:
    """Note that a person uses this session of a browser, from the address of the request.

    A session that is not noted yet is noted now: signing in makes one, and a change of the password renews its key.
    """
    session = getattr(request, "session", None)
    key = getattr(session, "session_key", None)
    if not key:
        return
    now, address = timezone.now(), request.META.get("REMOTE_ADDR", "")[:_LONGEST_ADDRESS]
    browser = request.headers.get("User-Agent", "").replace("\x00", "")[:_LONGEST_BROWSER]
    facts = {"user": user, "last_used_at": now, "address": address, "browser": browser}
    BrowserSession.objects.update_or_create(session_key=key, defaults=facts)
    if len(_NOTED) >= _MOST_NOTED:
        _NOTED.clear()
    _NOTED[key] = time.monotonic()


def is_use_noted(session_key: str) -> bool:
    """Return whether this process noted the use of a session some minutes ago; the next ones need not be noted."""
    return time.monotonic() - _NOTED.get(session_key, -math.inf) < USE_SECONDS


def sessions_of(user_id: int | None) -> QuerySet[BrowserSession]:
    """Return the sessions in which a person is signed in, the last used first."""
    live = Session.objects.filter(expire_date__gt=timezone.now()).values("session_key")
    return BrowserSession.objects.filter(user_id=user_id or 0, session_key__in=live).order_by("-last_used_at", "-pk")


def end_sessions(*, actor: Actor, user: User, reason: str, except_key: str = "") -> int:
    """End the sessions of a person but one, in the transaction of the change that is the reason; return how many."""
    rows = list(sessions_of(user.pk).exclude(session_key=except_key))
    return end_rows(actor, user, rows, reason=reason)


def end_rows(actor: Actor, user: User, rows: list[BrowserSession], *, reason: str) -> int:
    """End these sessions of a person and the approval sessions that were started there; return how many."""
    if not rows:
        return 0
    keys = [row.session_key for row in rows]
    facts = [{"address": row.address, "browser": row.browser, "since": row.started_at} for row in rows]
    Session.objects.filter(session_key__in=keys).delete()
    BrowserSession.objects.filter(pk__in=[row.pk for row in rows]).delete()
    end_sessions_of_keys(actor=actor, user=user, session_keys=keys)
    record(
        actor=actor,
        action=Action.ACCOUNT_SESSIONS_ENDED,
        obj=user_ref(user.username),
        before={"sessions": TextOf(user.username, facts)},
        after={"sessions_ended": len(rows)},
        reason=reason,
    )
    return len(rows)
