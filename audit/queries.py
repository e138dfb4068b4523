"""Reads events. Pages are read by key, so every page costs the same."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Max, Q

from audit.models import Event, Leaf, Log
from audit.sentences import describe, facts
from core.errors import InvalidInput

__all__ = ["Page", "describe", "events_matching", "facts", "leaves_of", "stream_length", "trail_for"]

PAGE_SIZE = 100
MAX_PAGE_SIZE = 1000


@dataclass(frozen=True, slots=True)
class Page:
    """Events, newest first; ``cursor`` asks for the next page and is empty on the last."""

    events: list[Event]
    cursor: str


def trail_for(*refs: str, stream: str = "", limit: int = PAGE_SIZE) -> list[Event]:
    """Return the newest events about any of the objects, in the stream, or (with both) that match both; newest first.

    Pages of a model name its stream, because its name may be used again after a deletion or a rename.
    """
    if stream:
        events = Event.objects.filter(stream=stream)
        return list((events.filter(object_ref__in=refs) if refs else events).order_by("-id")[:limit])
    return list(Event.objects.filter(object_ref__in=refs).order_by("-id")[:limit])


def events_matching(
    *,
    stream: str = "",
    obj: str = "",
    actor: str = "",
    action: str = "",
    actions: Collection[str] = (),
    outcome: str = "",
    since: datetime.datetime | None = None,
    until: datetime.datetime | None = None,
    cursor: str = "",
    size: int = PAGE_SIZE,
) -> Page:
    """Return one page of the events that match all conditions, newest first.

    ``actor`` is a name; ``actions`` are alternatives; the times are since ≤ time < until. Raises InvalidInput for an
    invalid cursor.
    """
    conditions: dict[str, Any] = {
        "stream": stream,
        "object_ref": obj,
        "actor_name": actor,
        "action": action,
        "action__in": actions,
        "outcome": outcome,
        "at__gte": since,
        "at__lt": until,
    }
    lookups = {field: value for field, value in conditions.items() if value}
    if cursor:
        lookups["id__lt"] = _position(cursor)
    size = max(1, min(size, MAX_PAGE_SIZE))
    events: Sequence[Event] = list(Event.objects.filter(**lookups).order_by("-id")[: size + 1])
    more = len(events) > size
    page = list(events[:size])
    return Page(page, str(page[-1].pk) if more else "")


def current_log() -> Log | None:
    """Return the log in use, None before the first event or checkpoint."""
    return Log.objects.order_by("-number").first()


def leaves_of(events: Iterable[Event]) -> dict[int, Leaf]:
    """Return the leaf of each event in the log in use, by event id; events that wait for the sequencer have none."""
    leaves = Leaf.objects.filter(event_id__in=[event.pk for event in events], log=_log_number())
    return {leaf.event_id: leaf for leaf in leaves}


def stream_length(stream: str) -> int:
    """Return the number of a stream's events in the log in use: the generation of its newest."""
    longest = Leaf.objects.filter(~Q(stream=""), stream=stream, log=_log_number()).aggregate(Max("gen"))
    return longest["gen__max"] or 0


def _log_number() -> int:
    log = current_log()
    return log.number if log else 1


def _position(cursor: str) -> int:
    if not cursor.isascii() or not cursor.isdigit() or len(cursor) > 18:  # noqa: PLR2004 - what an int64 surely holds
        raise InvalidInput("Invalid page cursor.")
    return int(cursor)
