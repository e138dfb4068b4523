"""Reads events. Pages are found by key, so the thousandth costs as much as the first."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from audit.models import Event, Stream
from audit.sentences import describe, facts
from core.errors import InvalidInput

__all__ = ["Page", "StreamHead", "describe", "events_matching", "facts", "stream_head", "trail_for"]

PAGE_SIZE = 100
MAX_PAGE_SIZE = 1000


@dataclass(frozen=True, slots=True)
class Page:
    """Events, newest first; ``cursor`` asks for the next page and is empty on the last."""

    events: list[Event]
    cursor: str


@dataclass(frozen=True, slots=True)
class StreamHead:
    """The head of a stream: the number of its events and the leaf hash (hex) of the newest."""

    key: str
    gen: int
    head: str


def trail_for(*refs: str, stream: str = "", limit: int = PAGE_SIZE) -> list[Event]:
    """Return the newest events about any of the objects, or in the stream, newest first; with both, those that match both.

    A name may be used again after a deletion or a rename, a stream never: pages of a model therefore name its stream.
    """
    if stream:
        events = Event.objects.filter(stream=stream)
        return list((events.filter(object_ref__in=refs) if refs else events).order_by("-gen")[:limit])
    return list(Event.objects.filter(object_ref__in=refs).order_by("-id")[:limit])


def events_matching(
    *,
    stream: str = "",
    obj: str = "",
    actor: str = "",
    action: str = "",
    outcome: str = "",
    since: datetime.datetime | None = None,
    until: datetime.datetime | None = None,
    cursor: str = "",
    size: int = PAGE_SIZE,
) -> Page:
    """Return one page of the events that match all conditions: since ≤ time < until; ``actor`` is a name.

    InvalidInput for a cursor that no page gave.
    """
    wanted: dict[str, Any] = {
        "stream": stream,
        "object_ref": obj,
        "actor_name": actor,
        "action": action,
        "outcome": outcome,
        "at__gte": since,
        "at__lt": until,
    }
    key = "gen" if stream else "id"
    chosen = {field: value for field, value in wanted.items() if value}
    if cursor:
        chosen[f"{key}__lt"] = _position(cursor)
    size = max(1, min(size, MAX_PAGE_SIZE))
    events: Sequence[Event] = list(Event.objects.filter(**chosen).order_by(f"-{key}")[: size + 1])
    more = len(events) > size
    shown = list(events[:size])
    return Page(shown, str(getattr(shown[-1], key)) if more else "")


def stream_head(key: str) -> StreamHead:
    """Return the head of a stream; generation 0 for one without events."""
    found = Stream.objects.filter(key=key).first()
    return StreamHead(key, found.gen, found.head) if found else StreamHead(key, 0, "")


def _position(cursor: str) -> int:
    if not cursor.isascii() or not cursor.isdigit() or len(cursor) > 18:  # noqa: PLR2004 - what an int64 surely holds
        raise InvalidInput("Invalid page cursor.")
    return int(cursor)
