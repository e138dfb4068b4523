"""Deletes the sessions of browsers that have expired."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.contrib.sessions.models import Session

from accounts.models import BrowserSession
from core.sweeps import kept_since


def forget_sessions(*, now: datetime | None = None) -> int:
    """Delete sessions that expired more than CUSTODY_SESSION_DAYS days ago; return how many."""
    before = kept_since(settings.SESSION_DAYS, now=now)
    if before is None:
        return 0
    deleted = Session.objects.filter(expire_date__lt=before).delete()[0]
    live = Session.objects.values("session_key")
    # of sessions that were signed out, whose rows Django deletes, and of those deleted above
    BrowserSession.objects.filter(last_used_at__lt=before).exclude(session_key__in=live).delete()
    return deleted
