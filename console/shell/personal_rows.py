"""Rows of the pages that an erasure of a person takes."""

from __future__ import annotations

from collections.abc import Iterator

from accounts.erasure.personal_rows import PersonalRows
from accounts.models import User
from console.models import FormDraft


def rows_of_drafts(person: User) -> Iterator[PersonalRows]:
    """Yield the drafts of forms of a person."""
    yield PersonalRows("drafts of forms", FormDraft.objects.filter(owner=person))
