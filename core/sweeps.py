"""Sweeps: scheduled jobs that do the same for each of many rows, or delete rows that are older than a setting says."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import TypeVar

from django.conf import settings
from django.utils import timezone

from core.errors import Conflict

logger = logging.getLogger(__name__)
Item = TypeVar("Item")


def for_each(items: Iterable[Item], act: Callable[[Item], int], *, failure: str) -> int:
    """Do something for each item, and return the sum of what it returned: how many rows it changed.

    An exception is logged with ``failure``, such as "a request was not expired", and does not delay the other items.
    The next sweep tries again.
    """
    done = 0
    for item in items:
        try:
            done += act(item)
        except Exception:  # so that a failure does not delay the others
            logger.exception("%s (%s); the next sweep tries again", failure, item)
    return done


def kept_since(days: float, *, now: datetime | None = None) -> datetime | None:
    """Return the moment ``days`` ago; older rows are deleted. None, for no row, for 0 days and under a legal hold."""
    if settings.LEGAL_HOLD or not days:
        return None
    return (now or timezone.now()) - timedelta(days=days)


def refuse_under_legal_hold(rows: str) -> None:
    """Raise Conflict where a legal hold forbids to delete these ``rows``, such as "Traces"."""
    if settings.LEGAL_HOLD:
        raise Conflict(f"{rows} cannot be deleted: this server is under a legal hold (CUSTODY_LEGAL_HOLD).")
