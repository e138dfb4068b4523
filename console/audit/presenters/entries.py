"""Events ready to show: the sentence of audit.sentences with the object as a link, a mark, and what changed."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from audit.action_records import Mark
from audit.actions import record_of
from audit.models import Event
from audit.sentences import facts, object_words
from console.audit.presenters.values import brief_of, value_words
from console.shell.links import place_of

_MERGED_BRIEF = 160
_REFUSED = Mark("bad", "block")


@dataclass(frozen=True, slots=True)
class Change:
    """One fact that an event changed; "" where it was not there before, or is not there now."""

    key: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One event, or ``times`` like ones in a row: ``lead`` and ``tail`` stand around the object in its sentence.

    ``brief`` is the change that matters most, short enough for the line; the others are in ``changes``.
    """

    id: int
    at: datetime.datetime
    actor: str
    lead: str
    obj: str
    url: str
    tail: str
    tone: str
    icon: str
    action: str
    outcome: str
    reason: str
    ref: str
    brief: str
    changes: tuple[Change, ...]
    times: int = 1


def trail(events: Iterable[Event]) -> list[Entry]:
    """Return events as entries, in the order given; like ones in a row (five checks queued) become one."""
    entries: list[Entry] = []
    for entry in map(entry_of, events):
        last = entries[-1] if entries else None
        if last is not None and _alike(last, entry):
            entries[-1] = _merged(last, entry)
        else:
            entries.append(entry)
    return entries


def _alike(one: Entry, other: Entry) -> bool:
    keys = ("actor", "action", "ref", "outcome", "reason")
    same = all(getattr(one, key) == getattr(other, key) for key in keys)
    return same and (not one.brief or record_of(one.action).display.merges)


def _merged(one: Entry, other: Entry) -> Entry:
    brief = f"{one.brief}, {other.brief}" if one.brief and other.brief else one.brief
    return replace(
        one,
        times=one.times + 1,
        brief=brief if len(brief) <= _MERGED_BRIEF else one.brief,
        tone="bad" if "bad" in (one.tone, other.tone) else one.tone,
        changes=(*one.changes, *other.changes),
    )


def entry_of(event: Event) -> Entry:
    """Read an event's exact bytes back into what a person sees."""
    known = facts(event)
    denied = event.outcome == "denied"
    record = record_of(event.action)
    phrase = f"was not allowed to {record.refused}" if denied else record.done
    lead, names_it, tail = phrase.partition("{object}")
    before, after = _mapping(known.get("before")), _mapping(known.get("after"))
    changes = tuple(_changes(before, after))
    mark = _REFUSED if denied else record.display.mark
    failed = after.get("state") in record.display.failures
    return Entry(
        id=event.pk,
        at=event.at,
        actor=_actor(event, known),
        lead=lead,
        obj=object_words(event.object_ref) if names_it else "",
        url=place_of(event.object_ref),
        tail=tail,
        tone="bad" if failed else mark.tone,
        icon=mark.icon,
        action=event.action,
        outcome=event.outcome,
        reason=value_words("reason", known.get("reason", "")),
        ref=event.object_ref,
        brief="" if denied else brief_of(event.action, before, after),
        changes=changes,
    )


def _actor(event: Event, known: Mapping[str, object]) -> str:
    if not event.actor_ref.startswith("system:"):
        return event.actor_name
    behalf = _mapping(known.get("actor")).get("on_behalf_of")
    return f"Custody, for {behalf}," if behalf else "Custody"


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _changes(before: Mapping[str, object], after: Mapping[str, object]) -> Iterator[Change]:
    for key in dict.fromkeys([*before, *after]):
        if before.get(key) != after.get(key):
            yield Change(key.replace("_", " "), value_words(key, before.get(key)), value_words(key, after.get(key)))
