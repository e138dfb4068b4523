"""The counts in the sidebar of a page, read once for each request."""

from __future__ import annotations

from django.http import HttpRequest

from accounts.authentication import actor_from_request
from approvals.oversight.open_problems import OpenProblems, count_open_problems

_KEPT = "_open_problems"


def open_problems(request: HttpRequest) -> OpenProblems:
    """Return the open problems that the signed-in person may see. Raises NotAuthenticated."""
    cached = getattr(request, _KEPT, None)
    if cached is None:
        cached = count_open_problems(actor_from_request(request))
        setattr(request, _KEPT, cached)
    return cached
