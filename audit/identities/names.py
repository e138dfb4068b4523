"""Names for commitments: who is behind an event, for pages, APIs, exports and receivers."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Collection

import orjson
from django.db.models import Q

from audit.models import Event, Identity
from audit.verifier.audit_verify import ERASED, FACT_NAMES, NAMED_OBJECT, commitments_of
from core.refs import user_ref

# A name that was erased is gone from every process after this time.
_SECONDS = 10.0
_MOST_CACHED = 10_000
_FACT_NAMES = f'"{FACT_NAMES}":{{'.encode()  # no body without it names people in its facts
_COMMITMENT = re.compile(r"[0-9a-f]{64}")
_USER = user_ref("")
# Names that were read, each with the time of reading.
_read: dict[str, tuple[str, float]] = {}


def names_of(commitments: Collection[str]) -> dict[str, str]:
    """Return the name behind each commitment: the pseudonym of a person who was erased; unknown ones are left out.

    At most one query. Names that this process has read in the last ten seconds are not read again.
    """
    now = time.monotonic()
    names = {key: read[0] for key in commitments if (read := _read.get(key)) and now - read[1] < _SECONDS}
    if missing := [key for key in commitments if key not in names]:
        for row in Identity.objects.filter(commitment__in=missing):
            names[row.commitment] = row.label
            remember_name(row.commitment, row.label)
    return names


def actor_name(event: Event) -> str:
    """Return the name of the actor of an event; the pseudonym of one who was erased."""
    key = event.actor_key
    return names_of([key]).get(key, key) if _COMMITMENT.fullmatch(key) else key


def read_names(events: Collection[Event]) -> None:
    """Read the names of the actors, the accounts and the facts of these events with one query, for `facts` and
    `actor_name`.
    """
    keys = {event.actor_key for event in events}
    keys |= {event.object_ref.removeprefix(NAMED_OBJECT) for event in events}
    for event in events:
        body = bytes(event.body)
        if _FACT_NAMES in body:
            keys.update(commitments_of(orjson.loads(body)))
    names_of([key for key in keys if _COMMITMENT.fullmatch(key)])


def actor_keys(name: str) -> list[str]:
    """Return the values of `Event.actor_key` of an actor of this name: the name itself, and the commitments to it.

    For the pseudonym of an erased person, the commitments to all names of this person.
    """
    return [name, *_commitments_to(name)]


def by_actor(name: str) -> Q:
    """Return the condition for the events by an actor of this name."""
    return Q(actor_key__in=actor_keys(name))


def object_refs(ref: str) -> list[str]:
    """Return the values of `Event.object_ref` for an object: for an account, also those that commit to its name."""
    if not ref.startswith(_USER):
        return [ref]
    return [ref, *(f"{NAMED_OBJECT}{key}" for key in _commitments_to(ref.removeprefix(_USER)))]


def pseudonym_of(ref: str) -> str:
    """Return the name that replaces the names of an erased account; the same for all events of the person."""
    return f"{ERASED}{hashlib.sha256(ref.encode()).hexdigest()[:12]}"


def remember_name(commitment: str, name: str) -> None:
    """Cache a name that was read or stored just now."""
    if len(_read) >= _MOST_CACHED:
        _read.clear()
    _read[commitment] = (name, time.monotonic())


def forget_names() -> None:
    """Empty the cache of this process."""
    _read.clear()


def _commitments_to(name: str) -> list[str]:
    condition = Q(name=name) | Q(name__isnull=True, pseudonym=name) if name.startswith(ERASED) else Q(name=name)
    return list(Identity.objects.filter(condition).order_by("pk").values_list("commitment", flat=True))
