"""Audit events as pages show them: a sentence with a link to the object, an icon, and the changes."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from django.utils.html import format_html
from django.utils.safestring import SafeString

from audit.action_records import Mark
from audit.actions import record_of
from audit.models import Event
from audit.sentences import facts, object_phrase
from console.audit.presenters.values import brief_of, value_text
from console.shell.links import page_url

_MERGED_BRIEF = 160
_REFUSED = Mark("bad", "block")


@dataclass(frozen=True, slots=True)
class Change:
    """One value that an event changed. ``before`` and ``after`` are "" where there was no value."""

    key: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One event, or ``times`` events of the same kind in a row.

    Its sentence is actor, ``lead``, object, ``tail``, and ``brief``: the change that matters most. All changes are in
    ``changes``.
    """

    id: int
    event_id: uuid.UUID
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

    @property
    def sentence(self) -> SafeString:
        """Return the sentence as HTML, with the object as a link where it has a page."""
        obj = format_html('<a href="{}">{}</a>', self.url, self.obj) if self.url and self.obj else self.obj
        brief = format_html(": <strong>{}</strong>", self.brief) if self.brief else ""
        return format_html('<span class="c-strong">{}</span> {}{}{}{}', self.actor, self.lead, obj, self.tail, brief)


def trail(events: Iterable[Event]) -> list[Entry]:
    """Return events as entries, in the same order. Events of the same kind in a row become one entry."""
    entries: list[Entry] = []
    for entry in map(entry_of, events):
        last = entries[-1] if entries else None
        if last is not None and _can_merge(last, entry):
            entries[-1] = _merged(last, entry)
        else:
            entries.append(entry)
    return entries


def _can_merge(entry: Entry, following: Entry) -> bool:
    keys = ("actor", "action", "ref", "outcome", "reason")
    is_same_kind = all(getattr(entry, key) == getattr(following, key) for key in keys)
    return is_same_kind and (not entry.brief or record_of(entry.action).display.merges)


def _merged(entry: Entry, following: Entry) -> Entry:
    brief = f"{entry.brief}, {following.brief}" if entry.brief and following.brief else entry.brief
    return replace(
        entry,
        times=entry.times + 1,
        brief=brief if len(brief) <= _MERGED_BRIEF else entry.brief,
        tone="bad" if "bad" in (entry.tone, following.tone) else entry.tone,
        changes=(*entry.changes, *following.changes),
    )


def entry_of(event: Event) -> Entry:
    """Return an event as pages show it, read from its exact bytes."""
    event_facts = facts(event)
    ref = event_facts["object"]
    denied = event.outcome == "denied"
    record = record_of(event.action)
    phrase = f"was not allowed to {record.refused}" if denied else record.done
    lead, placeholder, tail = phrase.partition("{object}")
    before, after = _mapping(event_facts.get("before")), _mapping(event_facts.get("after"))
    changes = tuple(_changes(before, after))
    mark = _REFUSED if denied else record.display.mark
    failed = after.get("state") in record.display.failures
    return Entry(
        id=event.pk,
        event_id=event.event_id,
        at=event.at,
        actor=_actor(event, event_facts["actor"]),
        lead=lead,
        obj=object_phrase(ref) if placeholder else "",
        url=page_url(ref),
        tail=tail,
        tone="bad" if failed else mark.tone,
        icon=mark.icon,
        action=event.action,
        outcome=event.outcome,
        reason=value_text("reason", event_facts.get("reason", "")),
        ref=ref,
        brief="" if denied else brief_of(event.action, before, after),
        changes=changes,
    )


def _actor(event: Event, actor: Mapping[str, object]) -> str:
    if not event.actor_ref.startswith("system:"):
        return str(actor["name"])
    person = actor.get("on_behalf_of")
    return f"Custody, for {person}," if person else "Custody"


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _changes(before: Mapping[str, object], after: Mapping[str, object]) -> Iterator[Change]:
    for key in dict.fromkeys([*before, *after]):
        if before.get(key) != after.get(key):
            yield Change(key.replace("_", " "), value_text(key, before.get(key)), value_text(key, after.get(key)))
