"""Drafts of notices: the text and the recipients of a notice before it is stored, and the paths of its page."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from notices.models import Topic

_MAX_TEXT = 600
_UNQUOTED = "!$&'()*+,;=~:@"  # the characters that Django's `reverse` leaves in a part of a path


@dataclass(frozen=True, slots=True)
class Draft:
    """A notice before it is stored: its text, and the ids of its recipients.

    With ``model_id`` only the recipients who may see that model get it. ``path`` is the page that it is about.
    """

    person_ids: frozenset[int]
    topic: Topic
    title: str
    path: str
    text: str = ""
    model_id: int | None = None


def one_paragraph(value: object) -> str:
    """Return a text of an event as one paragraph of at most 600 characters.

    Returns "" for a text that was too long for the event: the event has its digest instead.
    """
    return " ".join(value.split())[:_MAX_TEXT] if isinstance(value, str) else ""


def model_path(name: str) -> str:
    """Return the path of a model's page."""
    return f"/models/{quote(name, safe=_UNQUOTED)}/"


def version_path(name: str, number: int) -> str:
    """Return the path of a version's page."""
    return f"{model_path(name)}versions/{number}/"
