"""The number of unread notifications, counted once for each page."""

from __future__ import annotations

from django.http import HttpRequest

from accounts.authentication import actor_from_request
from notices.queries import unread_of

_UNREAD_COUNT = "_custody_unread_count"


def unread_count(request: HttpRequest) -> int:
    """Return how many notifications this person has not read."""
    count = getattr(request, _UNREAD_COUNT, None)
    if count is None:
        count = unread_of(actor_from_request(request)).count()
        remember_unread_count(request, count)
    return int(count)


def remember_unread_count(request: HttpRequest, count: int) -> None:
    """Store a count that another query of this page has returned, so that `unread_count` makes no query."""
    setattr(request, _UNREAD_COUNT, count)
