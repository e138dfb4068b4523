"""The only writer of events, and of outbox messages.

Both are written in the transaction of the change: `record`, `record_many` and `enqueue` are called inside it, and
`record_with` makes the change and its event in one statement.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, partial
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils import timezone

from audit.actions import Action
from audit.consumers import call_consumers, is_consumed
from audit.dispatch import current_trace, dispatch_soon
from audit.identities.commitments import actor_facts, object_in_log, storable
from audit.models import Event, OutboxMessage
from audit.texts.owners import TextOf
from audit.texts.rows import ADD_TEXTS, add_texts, as_arrays
from audit.texts.separating import SeparatedText, Separation
from core.actors import Actor
from core.bulk import BulkInsert
from core.canonical import MAX_BYTES, canonical_bytes, digest_of, plain
from core.errors import Denied
from core.ids import time_ordered_uuid
from core.metrics import EVENTS
from core.outages import raise_if_outage
from core.refs import Auditable, event_object_of
from core.statements import Statement, fetch, in_pipeline, portable, run

SCHEMA = 4
# Every change writes an event, so the insert is plain SQL.
_INTO = "INSERT INTO audit_event (event_id, body, at, action, outcome, actor_ref, actor_name, object_ref, stream, request_id)"
_VALUES = ", ".join(["%s"] * 10)
_INSERT = portable(f"{_INTO} VALUES ({_VALUES})")
_INSERT_FOR_ID = portable(f"{_INSERT.postgresql} RETURNING id")
# On PostgreSQL an event and its texts are one statement; on SQLite the texts are inserted before.
_INSERT_ALL, _INSERT_ALL_FOR_ID = (
    Statement(f"WITH texts AS ({ADD_TEXTS.postgresql}) {event.postgresql}", event.sqlite)
    for event in (_INSERT, _INSERT_FOR_ID)
)
_INSERT_MANY = BulkInsert(Event)


@dataclass(frozen=True, slots=True)
class _NewEvent:
    """The facts of an event that is to be inserted."""

    actor: Actor
    action: Action
    obj: str
    stream: str = ""
    before: Mapping[str, object] = field(default_factory=dict)
    after: Mapping[str, object] = field(default_factory=dict)
    reason: str | TextOf = ""
    outcome: str = "ok"

    def rows(self) -> tuple[dict[str, Any], list[SeparatedText]]:
        """Return the columns of the new row, in the order of _INTO, and its texts."""
        at, event_id = timezone.now(), time_ordered_uuid()
        actor, obj = actor_facts(self.actor), object_in_log(self.actor, self.obj)
        separation = Separation(self.actor, self.action, obj)
        facts = self._facts(at, event_id, separation) | {"actor": actor, "object": obj} | separation.commitments()
        columns = {
            "event_id": event_id,
            "body": _body(facts),
            "at": at,
            "action": self.action.value,
            "outcome": self.outcome,
            "actor_ref": storable(self.actor.ref)[:100],
            "actor_name": actor.get("name_hash") or storable(self.actor.name)[:150],
            "object_ref": storable(obj)[:600],
            "stream": self.stream,
            "request_id": storable(self.actor.request_id)[:64],
        }
        return columns, separation.texts

    def _facts(self, at: datetime, event_id: uuid.UUID, separation: Separation) -> dict[str, object]:
        return {
            "schema": SCHEMA,
            "event_id": event_id,
            "at": at,
            "action": self.action.value,
            "outcome": self.outcome,
            "request_id": self.actor.request_id,
            "stream": self.stream,
            "before": separation.facts("before", self.before),
            "after": separation.facts("after", self.after),
            "reason": separation.reason(self.reason),
            "app_version": settings.VERSION,
        }


def record(
    *,
    actor: Actor,
    action: Action,
    obj: str | Auditable,
    stream: str = "",
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
    reason: str | TextOf = "",
    outcome: str = "ok",
) -> Event:
    """Insert one event in the caller's transaction and return it, after the consumers in AUDIT_CONSUMERS were called.

    The reason and the facts that are texts of people (audit/texts/fact_kinds.py) become rows of their own, and the
    event commits to them. They are the actor's, unless they are a `TextOf` somebody else.

    ``obj`` is the row that the event is about, or its reference and with it ``stream``. A stream names the registered
    model that the event belongs to (`model:<id>`). The log numbers its events without gaps; a later event of a model
    gets a higher number where the model's row was locked before. Written in a `pipelined` block, an event that no
    consumer wants comes back without its primary key.

    Raises RuntimeError outside a transaction: an event must not be lost while its change stays, nor the other way
    round. Raises ValueError for an action that is not in audit/actions.py.
    """
    if not connection.in_atomic_block:
        msg = f"audit.record({action}) outside a transaction"
        raise RuntimeError(msg)
    ref, stream = event_object_of(obj, stream)
    new = _NewEvent(actor, Action(action), ref, stream, before or {}, after or {}, reason, outcome)
    event = _insert(*new.rows())
    call_consumers(event)
    return event


def record_many(*, actor: Actor, action: Action, changes: Mapping[str, Mapping[str, object]]) -> None:
    """Insert one event for each object in one statement, in the caller's transaction.

    ``changes`` maps the references of the objects, which belong to no registered model, to the facts after the change.

    Raises RuntimeError outside a transaction, ValueError for an action that is not in audit/actions.py.
    """
    if is_consumed(action):
        for obj, after in changes.items():
            record(actor=actor, action=action, obj=obj, after=after)
        return
    if not connection.in_atomic_block:
        msg = f"audit.record_many({action}) outside a transaction"
        raise RuntimeError(msg)
    listed_action = Action(action)
    rows = [_NewEvent(actor, listed_action, obj, after=after).rows() for obj, after in changes.items()]
    add_texts([text.row(columns["event_id"]) for columns, texts in rows for text in texts])
    _INSERT_MANY.run([columns for columns, _ in rows])
    transaction.on_commit(partial(_count, listed_action.value, "ok", len(rows)))


def record_with(
    change: str, change_values: Sequence[Any], *, actor: Actor, action: Action, obj: str, after: Mapping[str, object]
) -> bool:
    """On PostgreSQL make a change and insert its event in one statement; return whether that was done.

    ``change`` is SQL that follows WITH. Its expression `changed` has one row where the change is made; where it has
    none, no event is inserted. On SQLite, where a consumer wants events of this action, and where a fact is a text of a
    person, nothing is done and False is returned: the caller then makes the change and records it step by step.
    """
    if connection.vendor != "postgresql" or is_consumed(action):
        return False
    columns, texts = _NewEvent(actor, Action(action), obj, after=after).rows()
    if texts:
        return False
    with connection.cursor() as cursor:
        cursor.execute(_with_event(change).text, [*change_values, *columns.values()])
        changed = bool(cursor.rowcount == 1)
    if changed:
        transaction.on_commit(partial(_count, columns["action"], columns["outcome"]))
    return changed


@cache
def _with_event(change: str) -> Statement:
    """Return the statement that makes a change and inserts its event. There are as many as callers have texts."""
    return portable(f"WITH {change} {_INTO} SELECT {_VALUES} FROM changed")  # noqa: S608 - ours; values are bound


def _count(action: str, outcome: str, events: int = 1) -> None:
    EVENTS.labels(action, outcome).inc(events)


def _insert(columns: dict[str, Any], texts: Sequence[SeparatedText]) -> Event:
    event_id, at = columns["event_id"], columns["at"]
    stored = {
        "event_id": event_id if connection.features.has_native_uuid_field else event_id.hex,
        "at": connection.ops.adapt_datetimefield_value(at),
    }
    bound = list((columns | stored).values())
    insert, insert_for_id = (_INSERT_ALL, _INSERT_ALL_FOR_ID) if texts else (_INSERT, _INSERT_FOR_ID)
    rows = [text.row(event_id) for text in texts]
    if connection.vendor == "postgresql":
        bound = [*as_arrays(rows), *bound]
    else:
        add_texts(rows)
    if in_pipeline() and not is_consumed(columns["action"]):
        run(insert, bound)
        event = _event(columns)
    else:
        event = _event(columns | {"id": fetch(insert_for_id, bound)[0][0]})
    event.texts = {text.place: text.value for text in texts}
    transaction.on_commit(partial(_count, columns["action"], columns["outcome"]))
    event._state.adding = False  # noqa: SLF001 - as after a save: it is in the database
    event._state.db = connection.alias  # noqa: SLF001 - as Django's own save does
    return event


def _event(columns: Mapping[str, Any]) -> Event:
    """Return the row of an event as the model has it."""
    return Event(**{"actor_key" if name == "actor_name" else name: value for name, value in columns.items()})


def record_denial(*, actor: Actor, error: Denied) -> Event | None:
    """Record a refusal in a transaction of its own, after the refused one was rolled back, and return the event.

    None for a refusal that is recorded already. Raises Unavailable where the database does not answer, because a
    refusal is answered only when it is recorded.
    """
    if error.recorded:
        return None
    try:
        with transaction.atomic():
            return record(
                actor=actor,
                action=Action(error.action),
                obj=error.obj,
                stream=error.stream,
                reason=error.message,
                outcome="denied",
            )
    except (OperationalError, InterfaceError) as failure:
        raise_if_outage(failure)
        raise


def enqueue(task: str, *, queue: str = "fast", **kwargs: object) -> None:
    """Write a task to the outbox in the caller's transaction, and send it to the broker after the commit.

    ``task`` is the dotted name of a Celery task, which must tolerate being run more than once. Where the broker does
    not answer, `audit.tasks.relay_outbox` sends it later. Raises RuntimeError outside a transaction.
    """
    if not connection.in_atomic_block:
        msg = f"audit.enqueue({task}) outside a transaction"
        raise RuntimeError(msg)
    message = OutboxMessage.objects.create(
        task=task, kwargs=plain(kwargs, shorten=False), queue=queue, trace=current_trace.get()
    )
    transaction.on_commit(lambda: dispatch_soon(message))


def _body(facts: dict[str, object]) -> bytes:
    """Return the bytes of an event.

    Where they exceed MAX_BYTES, before, after and reason are replaced by their digests.
    """
    body = canonical_bytes(facts)
    if len(body) <= MAX_BYTES:
        return body
    for key in ("before", "after", "reason"):
        facts[key] = {"sha256": digest_of(facts[key]), "shortened": True}
    return canonical_bytes(facts)
