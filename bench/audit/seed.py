"""Fills the tables of events, people and texts as a year of use does, with events of the present schema."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone

from audit.action_groups import DECISIONS, actions_of
from audit.actions import Action
from audit.models import Identity
from audit.services import SCHEMA
from audit.verifier.audit_verify import canonical, commitment, data_commitment
from core.canonical import canonical_bytes
from core.ids import time_ordered_uuid

PEOPLE, MODELS, DAYS = 40, 300, 365
DENIED, DECISION, TEXT = 50, 1000, 4  # one event of so many
_EVENTS = "event_id, body, at, action, outcome, actor_ref, actor_name, object_ref, stream, request_id"
_TEXTS = "event_id, place, subject, salt, value"
_COMMON = [Action.TRACKING_RUN_CREATED, Action.REGISTRY_MODEL_UPDATED, Action.TRACKING_BATCH_LOGGED]
_DECISIONS = sorted(actions_of(DECISIONS))
_PLACE = ("reason",)
Row = tuple[Any, ...]


def seed(count: int) -> None:
    """Fill the tables with ``count`` events of a year.

    Forty people, 300 models, three common actions and every decision; one event in fifty is a refusal, one in 1,000 a
    decision, one in four has a text.
    """
    people = [_person(number) for number in range(PEOPLE)]
    written: list[tuple[UUID, int]] = []
    with connection.cursor() as cursor, cursor.copy(f"COPY audit_event ({_EVENTS}) FROM STDIN") as copy:
        for row in _event_rows(count, people, written):
            copy.write_row(row)
    with connection.cursor() as cursor, cursor.copy(f"COPY audit_eventtext ({_TEXTS}) FROM STDIN") as copy:
        for event_id, number in written:
            subject, value = f"user:{number % PEOPLE}", canonical(_text(number)).decode()
            copy.write_row((event_id, canonical(list(_PLACE)).decode(), subject, _salt(number).hex(), value))
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE audit_event, audit_eventtext, audit_identity")


def name_of(number: int) -> str:
    """Return the name of a person."""
    return f"person{number}"


def _person(number: int) -> str:
    """Store a person and return the commitment to their name."""
    salt, name = _salt(-1 - number), name_of(number)
    digest = commitment(salt, name)
    Identity.objects.create(ref=f"user:{number}", name=name, salt=salt, commitment=digest)
    return digest


def _event_rows(count: int, people: list[str], written: list[tuple[UUID, int]]) -> Iterator[Row]:
    """Yield the columns of each event. Those with a text are added to ``written``, with their numbers."""
    began = timezone.now() - timedelta(days=DAYS)
    for number in range(count):
        event_id, at = time_ordered_uuid(), began + timedelta(days=DAYS) * (number / count)
        has_text = number % TEXT == 0
        if has_text:
            written.append((event_id, number))
        yield _event_row(number, event_id, at, people[number % PEOPLE], has_text=has_text)


def _event_row(number: int, event_id: UUID, at: datetime, person: str, *, has_text: bool) -> Row:
    action = _DECISIONS[number // DECISION % len(_DECISIONS)] if number % DECISION == 0 else _COMMON[number % 3].value
    outcome, model = "denied" if number % DENIED == 0 else "ok", number % MODELS
    ref, obj, stream, request = f"user:{number % PEOPLE}", f"model:m{model}", f"model:{model}", f"r{number}"
    facts: dict[str, Any] = {
        "schema": SCHEMA, "event_id": event_id, "at": at, "action": action, "outcome": outcome, "request_id": request,
        "actor": {"ref": ref, "kind": "user", "name_hash": person, "auth": "token"}, "object": obj, "stream": stream,
        "before": {}, "after": {"name": "x" * 250}, "reason": "", "app_version": "0.1.0",
    }  # fmt: skip
    if has_text:
        facts["texts"] = {"reason": data_commitment(_salt(number), canonical(_text(number)))}
    return event_id, canonical_bytes(facts), at, action, outcome, ref, person, obj, stream, request


def _text(number: int) -> str:
    return f"because of the results of run {number % 1000}, which were compared with those of the version before"


@lru_cache(maxsize=1)
def _salt(number: int) -> bytes:
    """Return a salt that is the same for the same number. Those of the product are random."""
    return hashlib.sha256(b"bench %d" % number).digest()
