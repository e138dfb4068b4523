"""Reads the texts of events, many at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.db import connection

from audit.models import Event, EventText
from audit.verifier.audit_verify import ERASED_TEXT, TEXT_HASHES, Place
from core.statements import fetch, portable, text_array


class TextRow(NamedTuple):
    """Salt and text (canonical JSON) of a text of an event, None where it was erased."""

    salt: str | None
    value: str | None

    @property
    def text(self) -> Any:
        """Return the text; what is shown in its place where it was erased."""
        return ERASED_TEXT if self.value is None else orjson.loads(self.value)


_OF_EVENTS = portable("SELECT event_id, place, salt, value FROM audit_eventtext WHERE event_id = ANY(%s::uuid[])")
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
    for event_id, place, salt, value in _stored(event_ids) if event_ids else ():
        rows.setdefault(event_id, {})[_place(place)] = TextRow(salt, value)
    return rows


def _stored(event_ids: Collection[UUID]) -> Iterable[tuple[UUID, str, str | None, str | None]]:
    """Return the columns of the rows of events. An export reads them for every event."""
    if connection.vendor == "postgresql":
        return fetch(_OF_EVENTS, [text_array([str(event_id) for event_id in event_ids])])
    return EventText.objects.filter(event_id__in=event_ids).values_list("event_id", "place", "salt", "value")


@lru_cache(maxsize=1000)
def _place(text: str) -> Place:
    return tuple(orjson.loads(text))
