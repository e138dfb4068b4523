"""The history of Production of a model, read from the events of its stage changes."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from audit.actions import Action
from audit.models import Event
from audit.queries import actor_name, facts, with_people_read
from core.errors import InvalidInput
from core.ids import row_id
from core.refs import model_stream
from registry.models import RegisteredModel

# The most moves that one call of production_on reads.
MAX_MOVES = 50_000
_MOVES = (Action.REGISTRY_STAGE_CHANGED, Action.REGISTRY_STAGE_IMPORTED)


@dataclass(frozen=True, slots=True)
class Period:
    """A period in which one version was current Production; ``until`` is None while it still is.

    ``approved_by`` and ``moved_by`` are the names at that time. ``event_id`` is the event that began the period.
    """

    version: int
    since: datetime.datetime
    until: datetime.datetime | None
    approved_by: str
    moved_by: str
    reason: str
    event_id: str


def production_periods(model: RegisteredModel) -> list[Period]:
    """Return the periods in which a version of a model was current Production, oldest first.

    Two queries for every 500 moves, and one.
    """
    events = Event.objects.filter(
        stream=model_stream(model.pk), action__in=[action.value for action in _MOVES], outcome="ok"
    )
    return list(_periods(with_people_read(events.order_by("pk"))))


def production_at(model: RegisteredModel, at: datetime.datetime) -> Period | None:
    """Return the period that includes a moment, None where nothing was in Production then."""
    return next((period for period in reversed(production_periods(model)) if _includes(period, at)), None)


def production_on(
    first: datetime.datetime, end: datetime.datetime, *, stream: str = ""
) -> list[tuple[str, str, Period]]:
    """Return the versions that were in Production at some time from ``first`` until before ``end``.

    Each item has the stream, the version's reference at that time, and the period; its ``until`` is None where it had
    not ended by ``end``. Deleted models are among them. Two queries for every 500 moves, and two. Raises
    InvalidInput for more than MAX_MOVES moves.
    """
    rows = Event.objects.filter(action__in=[action.value for action in _MOVES], outcome="ok", at__lt=end)
    rows = rows.filter(stream=stream) if stream else rows
    if rows[: MAX_MOVES + 1].count() > MAX_MOVES:
        raise InvalidInput(f"There are more than {MAX_MOVES} moves before that day. Ask about one model.")
    refs: dict[str, str] = {}
    present: list[tuple[str, str, Period]] = []
    moves = with_people_read(rows.order_by("stream", "pk").iterator())
    for key, events in groupby(moves, lambda event: event.stream):
        periods = list(_periods(_noting_refs(events, refs)))
        present += [(key, refs[row.event_id], row) for row in periods if row.until is None or row.until > first]
    return present


def _noting_refs(events: Iterable[Event], refs: dict[str, str]) -> Iterator[Event]:
    """Yield the events, and store the object of each by its event id."""
    for event in events:
        refs[str(event.event_id)] = event.object_ref
        yield event


def _includes(period: Period, at: datetime.datetime) -> bool:
    return period.since <= at and (period.until is None or at < period.until)


def _periods(events: Iterable[Event]) -> Iterator[Period]:
    """Yield the periods. A period begins when a version becomes current, and ends with the next change of the version.

    The period of a superseded version ends when its successor becomes current, so there is no gap between the two.
    """
    period: Period | None = None
    for event in events:
        event_facts = facts(event)
        after, number = event_facts.get("after") or {}, _number(event.object_ref)
        if after.get("is_current"):
            if period is not None and period.version == number:
                continue
            if period is not None:
                yield _ended(period, event.at)
            period = _began(event, number, after)
        elif period is not None and period.version == number and not after.get("superseded_by"):
            yield _ended(period, event.at)
            period = None
    if period is not None:
        yield period


def _began(event: Event, number: int, after: dict[str, object]) -> Period:
    event_facts = facts(event)
    return Period(
        version=number,
        since=event.at,
        until=None,
        approved_by=str(after.get("approved_by") or ""),
        moved_by=_mover(event, event_facts),
        reason=str(event_facts.get("reason") or ""),
        event_id=str(event.event_id),
    )


def _mover(event: Event, event_facts: dict[str, object]) -> str:
    """Return the name of the person who moved the version, or for whom a job of this server moved it."""
    if not event.actor_ref.startswith("system:"):
        return actor_name(event)
    actor = event_facts.get("actor")
    person = actor.get("on_behalf_of") if isinstance(actor, dict) else ""
    return f"Custody, for {person}" if person else "Custody"


def _ended(period: Period, at: datetime.datetime) -> Period:
    return Period(period.version, period.since, at, period.approved_by, period.moved_by, period.reason, period.event_id)


def _number(ref: str) -> int:
    """Return the version number that a reference such as ``model-version:fraud/7`` ends in."""
    return row_id(ref.rpartition("/")[2])
