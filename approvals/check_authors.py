"""Whoever posted the result of a check has a hand in what is judged."""

from __future__ import annotations

from collections.abc import Sequence

from approvals.models import CheckRun, TransitionRequest

_AUTHOR = "author"


def authors_of_checks(requests: Sequence[TransitionRequest]) -> list[set[str]]:
    """Return the usernames that posted results of each request's checks, in order; one query.

    Results that this server's own workers found have no author. Where jobs keep none at all, nobody is named.
    """
    found: dict[int, set[str]] = {}
    if _AUTHOR in {field.name for field in CheckRun._meta.get_fields()}:  # noqa: SLF001 - Django's public name for it
        rows = CheckRun.objects.filter(request__in=[request.pk for request in requests]).exclude(**{_AUTHOR: ""})
        for request_id, name in rows.values_list("request_id", _AUTHOR).distinct():
            found.setdefault(request_id, set()).add(str(name))
    return [found.get(request.pk, set()) for request in requests]
