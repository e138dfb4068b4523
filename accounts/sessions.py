"""Deletes the sessions of browsers that have expired."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.contrib.sessions.models import Session

from core.sweeps import kept_since


def forget_sessions(*, now: datetime | None = None) -> int:
    """Delete sessions that expired more than CUSTODY_SESSION_DAYS days ago; return how many."""
    before = kept_since(settings.SESSION_DAYS, now=now)
    return Session.objects.filter(expire_date__lt=before).delete()[0] if before else 0
