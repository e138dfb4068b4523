"""The numbers of open problems in the sidebar, counted once for each page."""

from __future__ import annotations

from django.http import HttpRequest

from accounts.authentication import actor_from_request
from approvals.oversight.open_problems import OpenProblems, count_open_problems

_OPEN_PROBLEMS = "_custody_open_problems"


def open_problems(request: HttpRequest) -> OpenProblems:
    """Return the numbers of open problems that the signed-in person may see. Raises NotAuthenticated."""
    cached = getattr(request, _OPEN_PROBLEMS, None)
    if cached is None:
        cached = count_open_problems(actor_from_request(request))
        setattr(request, _OPEN_PROBLEMS, cached)
    return cached
