"""Rows of notifications that an erasure of a person takes."""

from __future__ import annotations

from collections.abc import Iterator

from accounts.erasure.personal_rows import PersonalRows
from accounts.models import User
from notices.models import ChatAddress, Notice, Preference, Watch


def rows_of_notices(person: User) -> Iterator[PersonalRows]:
    """Yield notices to a person, models they watch, and their addresses. Retention takes notices to others."""
    yield PersonalRows("notices and their messages", Notice.objects.filter(person=person))
    yield PersonalRows("watched models", Watch.objects.filter(person=person))
    yield PersonalRows("choices of notifications", Preference.objects.filter(person=person))
    yield PersonalRows("chat addresses", ChatAddress.objects.filter(person=person))
