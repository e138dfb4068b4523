"""Sentences about events. Events store only facts; a sentence is made from the action's record when it is read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import orjson

from audit.actions import record_of
from audit.identities.names import names_of, read_names
from audit.models import Event
from audit.texts.reading import read_texts, texts_in
from audit.verifier.audit_verify import commitments_of, with_names, with_texts
from core.actors import ActorKind
from core.refs import AUDIT_LOG

_AT_ONCE = 500
_SHOWN_CHANGES = 4
_SHOWN_TEXT = 80


def facts(event: Event, *, texts: bool = True) -> dict[str, Any]:
    """Return the facts of an event, read from its exact bytes, with names and texts of people as far as they exist.

    A person who was erased has a pseudonym, an erased text is "[erased]". Two queries, unless names and texts were just
    read (`read_people`). Without ``texts``, commitments take their place.
    """
    body: dict[str, Any] = orjson.loads(bytes(event.body))
    digests = commitments_of(body)
    named = with_names(body, names_of(digests)) if digests else body
    return with_texts(named, texts_in(event) if texts else {})


def read_people(events: Sequence[Event]) -> None:
    """Read the names and the texts of people in these events, for `facts` and `actor_name`. Two queries."""
    read_names(events)
    read_texts(events)


def with_people_read(events: Iterable[Event], *, texts: bool = True) -> Iterator[Event]:
    """Yield the events in their order, after the names and the texts of people in them were read.

    Two queries for every 500 events; one without ``texts``.
    """
    remaining = iter(events)
    while part := list(islice(remaining, _AT_ONCE)):
        read_names(part)
        if texts:
            read_texts(part)
        yield from part


def describe(event: Event) -> str:
    """Return one English sentence, plain text, made of the event's facts alone."""
    event_facts = facts(event)
    record = record_of(event_facts["action"])
    obj = object_phrase(event_facts["object"])
    who = _actor_phrase(event_facts["actor"])
    if event_facts["outcome"] == "denied":
        refused_phrase = record.refused.replace("{object}", obj)
        return f"{who} was not allowed to {refused_phrase}{_because(event_facts['reason'], ': ')}."
    changes = ", ".join(_changes(event_facts["before"], event_facts["after"]))
    done = record.done.replace("{object}", obj)
    return f"{who} {done}{f' ({changes})' if changes else ''}{_because(event_facts['reason'], ', saying ')}."


def object_phrase(ref: str) -> str:
    """Return an object reference as text: `model-version:fraud/7` is "version 7 of fraud"."""
    if ref == AUDIT_LOG:
        return "the audit log"
    kind, _, name = ref.partition(":")
    if not name:
        return ref
    if kind == "model-version":
        model, _, version = name.rpartition("/")
        return f"version {version} of {model}"
    if kind == "transition-request":
        return f"transition request {name}"
    if kind == "user":
        return name
    return f"{kind.replace('-', ' ')} {name}"


def _actor_phrase(actor: Mapping[str, str]) -> str:
    name = actor["name"]
    if actor["kind"] == ActorKind.SYSTEM:
        name = f"Custody ({name.replace('_', ' ')})"
    elif actor["kind"] == ActorKind.ANONYMOUS:
        name = "Somebody not signed in"
    behalf = actor.get("on_behalf_of")
    return f"{name} on behalf of {behalf}" if behalf else name


def _changes(before: Mapping[str, object], after: Mapping[str, object]) -> Iterator[str]:
    """Yield the first few facts that changed: `stage: Staging → Production`, `alias: champion`."""
    changed = [key for key in dict.fromkeys([*before, *after]) if before.get(key) != after.get(key)]
    for key in changed[:_SHOWN_CHANGES]:
        old, new = _value_text(before.get(key)), _value_text(after.get(key))
        name = key.replace("_", " ")
        if key not in before:
            yield f"{name}: {new}"
        elif key not in after:
            yield f"{name} was {old}"
        else:
            yield f"{name}: {old} → {new}"
    if len(changed) > _SHOWN_CHANGES:
        yield f"{len(changed) - _SHOWN_CHANGES} more"


def _value_text(value: object) -> str:
    if value is None or value in ("", [], {}):
        return "nothing"
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return text if len(text) <= _SHOWN_TEXT else f"{text[:_SHOWN_TEXT]}…"


def _because(reason: object, joint: str) -> str:
    """Return the reason after its joint, without its full stop; "" for one that is stored as a digest only."""
    if not isinstance(reason, str) or not reason.strip():
        return ""
    text = reason.strip().rstrip(".")
    return f"{joint}{text}" if joint == ": " else f"{joint}“{text}”"
