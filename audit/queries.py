"""Reading events. Pages are found by key, so the thousandth costs what the first does."""

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
    """Where a stream stands: how many events it has and the leaf hash (hex) of the newest."""

    key: str
    gen: int
    head: str


def trail_for(*refs: str, stream: str = "", limit: int = PAGE_SIZE) -> list[Event]:
    """Return the newest events about any of the objects, or in the stream, newest first; with both, what is of both.

    Names are given again after a deletion or a rename, streams never: what a page shows of a model is narrowed to its stream.
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
    """Return one page of the events that match everything given: times are since ≤ at < until, ``actor`` is a name.

    Raises InvalidInput for a cursor that this did not give.
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
    """Return where a stream stands; generation 0 where nothing has happened in it."""
    found = Stream.objects.filter(key=key).first()
    return StreamHead(key, found.gen, found.head) if found else StreamHead(key, 0, "")


def _position(cursor: str) -> int:
    if not cursor.isascii() or not cursor.isdigit() or len(cursor) > 18:  # noqa: PLR2004 - what an int64 surely holds
        raise InvalidInput("The cursor is not one that this list gave.")
    return int(cursor)
