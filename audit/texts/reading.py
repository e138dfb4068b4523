"""Reads the texts of events, many at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any
from uuid import UUID

import orjson

from audit.models import Event, EventText
from audit.verifier.audit_verify import ERASED_TEXT, TEXT_HASHES, Place

_AT_ONCE = 500
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
        event.texts = {place: text_of(row) for place, row in rows.get(event.event_id, {}).items()}


def with_texts_read(events: Iterable[Event]) -> Iterator[Event]:
    """Yield the events in their order, after their texts were read: one query for every 500 events."""
    remaining = iter(events)
    while part := list(islice(remaining, _AT_ONCE)):
        read_texts(part)
        yield from part


def text_rows(event_ids: Collection[UUID]) -> dict[UUID, dict[Place, EventText]]:
    """Return the rows of the texts of events, by event id and place. At most one query."""
    rows: dict[UUID, dict[Place, EventText]] = {}
    for row in EventText.objects.filter(event_id__in=event_ids) if event_ids else ():
        rows.setdefault(row.event_id, {})[tuple(orjson.loads(row.place))] = row
    return rows


def text_of(row: EventText) -> Any:
    """Return the text of a row; what is shown in its place where it was erased."""
    return ERASED_TEXT if row.value is None else orjson.loads(row.value)
