"""How many notifications a person has not read, counted once per page for the sidebar and the pages alike."""

from __future__ import annotations

from django.http import HttpRequest

from accounts.authentication import actor_from_request
from notices.queries import unread_of

UNREAD = "_custody_unread"


def unread_count(request: HttpRequest) -> int:
    """Return how many notifications wait to be read."""
    known = getattr(request, UNREAD, None)
    if known is None:
        known = unread_of(actor_from_request(request)).count()
        setattr(request, UNREAD, known)
    return int(known)
