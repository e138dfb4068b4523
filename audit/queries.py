"""Reads events. Pages are read by key, so every page costs the same."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Max, Q, QuerySet

from audit.identities.names import actor_keys, actor_name, by_actor, object_refs
from audit.models import Event, Leaf, Log
from audit.sentences import describe, facts, read_people, with_people_read
from core.errors import InvalidInput
from core.ids import row_id

__all__ = [
    "Page",
    "actor_name",
    "by_actor",
    "describe",
    "events_matching",
    "facts",
    "leaves_of",
    "stream_length",
    "trail_for",
    "with_people_read",
]

PAGE_SIZE = 100
MAX_PAGE_SIZE = 1000
# By time, so that one index serves a filter, a range of dates and the order (docs/decisions/0191).
_NEWEST_FIRST = ("-at", "-id")
_FEW = 2000
_ANY_ACTION = "\0"  # stands for each action in turn


@dataclass(frozen=True, slots=True)
class Page:
    """Events, newest first; ``cursor`` asks for the next page and is empty on the last."""

    events: list[Event]
    cursor: str


def trail_for(*refs: str, stream: str = "", limit: int = PAGE_SIZE) -> list[Event]:
    """Return the newest events about any of the objects, in the stream, or (with both) that match both; newest first.

    Pages of a model name its stream, because its name may be used again after a deletion or a rename.
    """
    stored = [each for ref in refs for each in object_refs(ref)]
    rows = Event.objects.filter(stream=stream) if stream else Event.objects.all()
    rows = rows.filter(object_ref__in=stored) if refs or not stream else rows
    events = list(rows.order_by("-id")[:limit])
    read_people(events)
    return events


def last_events_at(refs: Collection[str]) -> dict[str, datetime.datetime]:
    """Return the time of the newest event about each of these objects; one that has none is left out. One query."""
    rows = Event.objects.filter(object_ref__in=list(refs), outcome="ok").values_list("object_ref")
    return dict(rows.annotate(newest=Max("at")))


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

    The events are sorted by their times. ``actor`` is a name; ``actions`` are alternatives; the times are
    since ≤ time < until. Raises InvalidInput for an invalid cursor.
    """
    conditions: dict[str, Any] = {
        "stream": stream,
        "action": action,
        "outcome": outcome,
        "at__gte": since,
        "at__lt": until,
    }
    lookups = {field: value for field, value in conditions.items() if value}
    rows: QuerySet[Event] = (
        Event.objects.filter(_older_than(cursor), **lookups) if cursor else Event.objects.filter(**lookups)
    )
    size = max(1, min(size, MAX_PAGE_SIZE))
    rows = _of_names(rows, obj, actor, 0 if actions else size + 1)
    if actions:
        rows = _of_actions(rows, actions, size + 1)
    events: Sequence[Event] = list(rows.order_by(*_NEWEST_FIRST)[: size + 1])
    more = len(events) > size
    page = list(events[:size])
    read_people(page)
    return Page(page, str(page[-1].pk) if more else "")


def _of_actions(rows: QuerySet[Event], actions: Collection[str], limit: int) -> QuerySet[Event]:
    """Return the newest of these events that have one of the actions, at least ``limit`` where there are as many.

    Asked for all actions at once, a database may read every event to find a few decisions. The newest of each action
    come from an index, unless so few events are left that all of them are read.
    """
    # In this order an index gives the rows: without one, a database may read the table from its beginning.
    if rows.order_by(*_NEWEST_FIRST)[: _FEW + 1].count() > _FEW:
        return Event.objects.filter(pk__in=_newest_of_each(rows, actions, limit), action__in=actions)
    return Event.objects.filter(pk__in=list(rows.values_list("pk", flat=True)[:_FEW]), action__in=actions)


def _of_names(rows: QuerySet[Event], obj: str, actor: str, limit: int) -> QuerySet[Event]:
    """Return the events about an object and by an actor, "" for any; see `_of_values`."""
    if obj:
        rows = _of_values(rows, "object_ref", object_refs(obj), 0 if actor else limit)
    return _of_values(rows, "actor_key", actor_keys(actor), limit) if actor else rows


def _of_values(rows: QuerySet[Event], field: str, values: list[str], limit: int) -> QuerySet[Event]:
    """Return the events whose field has one of the values: the name in old events, and the commitments to it.

    Mostly one of them is in the table, and one index gives the order. Of several, the ``limit`` newest of each are
    taken; 0 for all.
    """
    present = [value for value in values if Event.objects.filter(**{field: value}).exists()]
    if len(present) <= 1 or not limit:
        return rows.filter(**({field: present[0]} if len(present) == 1 else {f"{field}__in": present}))
    newest = [rows.filter(**{field: value}).order_by(*_NEWEST_FIRST)[:limit] for value in present]
    return Event.objects.filter(pk__in=[pk for part in newest for pk in part.values_list("pk", flat=True)])


def _newest_of_each(rows: QuerySet[Event], actions: Collection[str], limit: int) -> list[int]:
    """Return the ids of the newest events that have one of the actions."""
    one = rows.filter(action=_ANY_ACTION).order_by(*_NEWEST_FIRST).values_list("at", "id")[:limit]
    sql, params = one.query.sql_with_params()
    if connection.vendor == "sqlite":  # it has no statistics, and may take the index of a filter that most events match
        sql = sql.replace('FROM "audit_event"', 'FROM "audit_event" INDEXED BY "audit_event_action_at"', 1)
    with connection.cursor() as cursor:
        values = ", ".join(["(%s)"] * len(actions))
        # Each part below is planned by itself, which takes longer than to execute it.
        cursor.execute(
            f"SELECT column1 FROM (VALUES {values}) wanted "  # noqa: S608 - only placeholders
            "WHERE EXISTS (SELECT 1 FROM audit_event WHERE action = column1)",
            sorted(actions),
        )
        written = [action for (action,) in cursor.fetchall()]
        if not written:
            return []
        parts = [f"SELECT at, id FROM ({sql}) part{number}" for number in range(len(written))]  # noqa: S608 - placeholders
        cursor.execute(
            f"SELECT id FROM ({' UNION ALL '.join(parts)}) newest ORDER BY at DESC, id DESC LIMIT %s",  # noqa: S608 - no text of a user
            [*(action if value == _ANY_ACTION else value for action in written for value in params), limit],
        )
        return [number for (number,) in cursor.fetchall()]


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


def _older_than(cursor: str) -> Q:
    """Return the condition for the events after that one in the order of a page. Raises InvalidInput."""
    last = Event.objects.filter(pk=row_id(cursor)).values_list("at", "id").first()
    if last is None:
        raise InvalidInput("Invalid page cursor.")
    at, number = last
    # The first condition alone says where an index begins; databases do not see it in the alternatives.
    return Q(at__lte=at) & (Q(at__lt=at) | Q(id__lt=number))
