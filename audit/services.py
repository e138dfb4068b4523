"""The only writer of events, and the outbox. Both belong into the transaction of the change: `record` is called inside it, and
`record_with` is it."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from audit.actions import Action
from audit.consumers import announce, is_consumed
from audit.dispatch import dispatch_soon
from audit.models import Event, OutboxMessage, Stream
from core.actors import Actor
from core.canonical import MAX_BYTES, canonical_bytes, digest_of, plain
from core.errors import Denied
from core.refs import Auditable, event_object_of
from core.statements import fetch, in_pipeline, portable, run

SCHEMA = 1
# Every change writes one, so it goes without the ORM.
_INTO = (
    "INSERT INTO audit_event (event_id, body, leaf_hash, at, action, outcome, actor_ref, actor_name, object_ref, stream, "
    "gen, request_id)"
)
_VALUES = ", ".join(["%s"] * 12)
_INSERT = portable(f"{_INTO} VALUES ({_VALUES})")
_INSERT_FOR_ID = portable(f"{_INSERT.postgresql} RETURNING id")


def leaf_hash(body: bytes) -> str:
    """Return the RFC 6962 leaf hash of an event: SHA-256 over a zero byte and the exact bytes, in hex."""
    return hashlib.sha256(b"\x00" + body).hexdigest()


def record(
    *,
    actor: Actor,
    action: Action,
    obj: str | Auditable,
    stream: str = "",
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
    reason: str = "",
    outcome: str = "ok",
) -> Event:
    """Insert one event in the caller's transaction and return it.

    ``obj`` is the row that the event is about, or its reference and with it ``stream``. A stream names the registered model
    the event belongs to (`model:<id>`); its events are numbered without gaps and each names the hash of the one before. Those in AUDIT_CONSUMERS who want the event are told at once; where nobody does
    and it is written `pipelined` with others, it comes back without its primary key. Raises RuntimeError outside a
    transaction: an event that can be lost while the change stays, or the other way round, is worse than an error.
    """
    if not connection.in_atomic_block:
        msg = f"audit.record({action}) outside a transaction"
        raise RuntimeError(msg)
    ref, stream = event_object_of(obj, stream)
    gen, prev = _advance(stream) if stream else (None, "")
    values = _values(actor, action, ref, stream, gen, prev, before or {}, after or {}, reason, outcome)
    if stream:
        Stream.objects.filter(key=stream).update(head=values["leaf_hash"])
    event = _insert(values)
    announce(event)
    return event


def record_with(
    change: str, change_values: Sequence[Any], *, actor: Actor, action: Action, obj: str, after: Mapping[str, object]
) -> bool:
    """On PostgreSQL make a change and insert its event in one statement, which is a transaction; return whether it came about.

    ``change`` is what may stand after WITH; of its parts `changed` has one row where the change is made and none where it
    is not, and then there is no event either. False as well where this cannot be: on SQLite, and where somebody consumes
    such events. The caller then changes and records step by step.
    """
    if connection.vendor != "postgresql" or is_consumed(action):
        return False
    values = _values(actor, action, obj, "", None, "", {}, after, "", "ok")
    with connection.cursor() as cursor:
        statement = f"WITH {change} {_INTO} SELECT {_VALUES} FROM changed"  # noqa: S608 - ours; values are bound
        cursor.execute(statement, [*change_values, *values.values()])
        return bool(cursor.rowcount == 1)


def _values(
    actor: Actor,
    action: Action,
    obj: str,
    stream: str,
    gen: int | None,
    prev: str,
    before: Mapping[str, object],
    after: Mapping[str, object],
    reason: str,
    outcome: str,
) -> dict[str, Any]:
    """Return the columns of a new event, in the order of _INTO."""
    at, event_id = timezone.now(), uuid.uuid4()
    facts = {
        "schema": SCHEMA,
        "event_id": event_id,
        "at": at,
        "action": Action(action).value,
        "outcome": outcome,
        "actor": _actor_facts(actor),
        "request_id": actor.request_id,
        "object": obj,
        "stream": stream,
        "gen": gen,
        "prev": prev,
        "before": before,
        "after": after,
        "reason": reason,
        "app_version": settings.VERSION,
    }
    body = _body(facts)
    return {
        "event_id": event_id,
        "body": body,
        "leaf_hash": leaf_hash(body),
        "at": at,
        "action": Action(action).value,
        "outcome": outcome,
        "actor_ref": _storable(actor.ref)[:100],
        "actor_name": _storable(actor.name)[:150],
        "object_ref": _storable(obj)[:600],
        "stream": stream,
        "gen": gen,
        "request_id": _storable(actor.request_id)[:64],
    }


def _insert(values: dict[str, Any]) -> Event:
    event_id, at = values["event_id"], values["at"]
    stored = {
        "event_id": event_id if connection.features.has_native_uuid_field else event_id.hex,
        "at": connection.ops.adapt_datetimefield_value(at),
    }
    bound = list((values | stored).values())
    if in_pipeline() and not is_consumed(values["action"]):
        run(_INSERT, bound)
        event = Event(**values)
    else:
        event = Event(id=fetch(_INSERT_FOR_ID, bound)[0][0], **values)
    event._state.adding = False  # noqa: SLF001 - as after a save: it is in the database
    event._state.db = connection.alias  # noqa: SLF001 - as Django's own save does
    return event


def _storable(text: str) -> str:
    """Return text that every database holds: a refusal of what the caller sent must not fail over what the caller sent."""
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8")


def record_denial(*, actor: Actor, error: Denied) -> Event | None:
    """Record a refusal in a transaction of its own, after the refused one has rolled back."""
    if error.recorded:
        return None
    with transaction.atomic():
        return record(
            actor=actor,
            action=Action(error.action),
            obj=error.obj,
            stream=error.stream,
            reason=error.message,
            outcome="denied",
        )


def enqueue(task: str, *, queue: str = "fast", **kwargs: object) -> None:
    """Write an effect to the outbox in the caller's transaction, and send it as soon as that has committed.

    ``task`` is the dotted name of a Celery task; it must tolerate being run more than once. When the broker is away the
    relay (`audit.tasks.relay_outbox`) sends it later.
    """
    if not connection.in_atomic_block:
        msg = f"audit.enqueue({task}) outside a transaction"
        raise RuntimeError(msg)
    message = OutboxMessage.objects.create(task=task, kwargs=plain(kwargs, shorten=False), queue=queue)
    transaction.on_commit(lambda: dispatch_soon(message))


def _advance(stream: str) -> tuple[int, str]:
    """Take the next generation of a stream and return it with the previous head; holds the stream's row until commit."""
    sql = (
        "INSERT INTO audit_stream (key, gen, head) VALUES (%s, 1, '') "
        "ON CONFLICT (key) DO UPDATE SET gen = audit_stream.gen + 1 RETURNING gen, head"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [stream])
        gen, head = cursor.fetchone()
    return int(gen), str(head)


def _actor_facts(actor: Actor) -> dict[str, str]:
    facts = {"ref": actor.ref, "kind": actor.kind.value, "name": actor.name, "auth": actor.auth}
    return facts | ({"on_behalf_of": actor.on_behalf_of} if actor.on_behalf_of else {})


def _body(facts: dict[str, object]) -> bytes:
    """Return the event's bytes; when before and after are too much for one event they are kept as digests."""
    body = canonical_bytes(facts)
    if len(body) <= MAX_BYTES:
        return body
    for key in ("before", "after", "reason"):
        facts[key] = {"sha256": digest_of(facts[key]), "shortened": True}
    return canonical_bytes(facts)
