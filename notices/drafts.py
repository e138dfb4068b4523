"""The text of a notice and its recipients, before it is written."""

from __future__ import annotations

from dataclasses import dataclass

from notices.models import Topic

_MAX_TEXT = 600


@dataclass(frozen=True, slots=True)
class Draft:
    """A notice before it is written: its text and the people it is for.

    With ``model_id``, only those of them who may see that model get it.
    """

    person_ids: frozenset[int]
    topic: Topic
    title: str
    path: str
    text: str = ""
    model_id: int | None = None


def one_paragraph(value: object) -> str:
    """Return a text of an event as one paragraph of at most 600 characters.

    "" for a text that was too long for the event, which then holds a digest in place of it.
    """
    return " ".join(value.split())[:_MAX_TEXT] if isinstance(value, str) else ""
