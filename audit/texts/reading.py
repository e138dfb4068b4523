"""Reads the texts of events, many at a time."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from audit.models import Event, EventText
from audit.verifier.audit_verify import ERASED_TEXT, TEXT_HASHES, Place


class TextRow(NamedTuple):
    """Salt and text (canonical JSON) of a text of an event, None where it was erased."""

    salt: str | None
    value: str | None

    @property
    def text(self) -> Any:
        """Return the text; what is shown in its place where it was erased."""
        return ERASED_TEXT if self.value is None else orjson.loads(self.value)


# No body without it commits to a text.
_MARK = f'"{TEXT_HASHES}":{{'.encode()


def texts_in(event: Event) -> Mapping[Place, Any]:
    """Return the texts of an event by place. A query, unless they were read before."""
    if event.texts is None:
        read_texts([event])
    return event.texts or {}


def read_texts(events: Sequence[Event]) -> None:
    """Read the texts of these events, for `texts_in`. At most one query."""
    unread = [event for event in events if event.texts is None]
    rows = text_rows({event.event_id for event in unread if _MARK in bytes(event.body)})
    for event in unread:
        event.texts = {place: row.text for place, row in rows.get(event.event_id, {}).items()}


def text_rows(event_ids: Collection[UUID]) -> dict[UUID, dict[Place, TextRow]]:
    """Return the rows of the texts of events, by event id and place. At most one query."""
    rows: dict[UUID, dict[Place, TextRow]] = {}
    stored = EventText.objects.filter(event_id__in=event_ids).values_list("event_id", "place", "salt", "value")
    for event_id, place, salt, value in stored if event_ids else ():
        rows.setdefault(event_id, {})[tuple(orjson.loads(place))] = TextRow(salt, value)
    return rows
