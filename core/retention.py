"""The time before which old rows are deleted, unless a legal hold keeps everything."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from core.errors import Conflict


def kept_since(days: float, *, now: datetime | None = None) -> datetime | None:
    """Return the moment ``days`` ago; older rows are deleted. None, for no row, for 0 days and under a legal hold."""
    if settings.LEGAL_HOLD or not days:
        return None
    return (now or timezone.now()) - timedelta(days=days)


def refuse_under_legal_hold(rows: str) -> None:
    """Raise Conflict where a legal hold forbids to delete these ``rows``, such as "Traces"."""
    if settings.LEGAL_HOLD:
        raise Conflict(f"{rows} cannot be deleted: this server is under a legal hold (CUSTODY_LEGAL_HOLD).")
