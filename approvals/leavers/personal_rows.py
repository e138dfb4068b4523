"""Rows of requests that an erasure of a person takes."""

from __future__ import annotations

from collections.abc import Iterator

from accounts.erasure.personal_rows import PersonalRows
from accounts.models import User
from approvals.models import InboxKey, RequestView


def rows_of_requests(person: User) -> Iterator[PersonalRows]:
    """Yield the marks of the requests that a person has looked at, and their name in the index of inboxes.

    Reviews, overrides, delegations and comments are evidence and stay.
    """
    yield PersonalRows("when they looked at requests", RequestView.objects.filter(person=person))
    yield PersonalRows("names in the index of inboxes", InboxKey.objects.filter(key=f"user:{person.username}"))
