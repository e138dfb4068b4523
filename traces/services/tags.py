"""Tags that somebody sets or deletes on an existing trace."""

from __future__ import annotations

from django.db import transaction

from audit.actions import Action
from audit.services import record
from core.actors import Actor
from core.errors import InvalidInput, NotFound
from traces.keys import SERVER_TAGS
from traces.limits import checked_key, checked_value, quoted
from traces.models import TraceTag
from traces.services.rows import lock_trace, put_tags


@transaction.atomic
def set_trace_tag(*, actor: Actor, trace_id: str, key: str, value: str) -> None:
    """Set a tag of a trace; the value is cut to 8000 characters. The same value again changes nothing.

    Raises NotFound: no such trace. Raises Denied. Raises InvalidInput: a bad key, or a tag that the server sets
    itself.
    """
    _refuse_server_tag(key, "set")
    checked_key(key, field="tags")
    stored = checked_value(value, field="value")
    trace = lock_trace(actor, trace_id, action=Action.TRACES_TAG_SET)
    before = TraceTag.objects.filter(trace=trace, key=key).first()
    if before is not None and before.value == stored:
        return
    put_tags({trace.pk: {key: stored}})
    record(
        actor=actor,
        action=Action.TRACES_TAG_SET,
        obj=trace,
        before={key: before.value} if before else None,
        after={key: stored},
    )


@transaction.atomic
def delete_trace_tag(*, actor: Actor, trace_id: str, key: str) -> None:
    """Delete a tag of a trace.

    Raises NotFound: no such trace or tag. Raises Denied. Raises InvalidInput: a tag that the server sets itself.
    """
    _refuse_server_tag(key, "deleted")
    trace = lock_trace(actor, trace_id, action=Action.TRACES_TAG_DELETED)
    tag = TraceTag.objects.filter(trace=trace, key=key).first()
    if tag is None:
        raise NotFound(f"No trace tag with key {quoted(key)} for trace with ID {quoted(trace.pk)}")
    before = {key: tag.value}
    tag.delete()
    record(actor=actor, action=Action.TRACES_TAG_DELETED, obj=trace, before=before)


def _refuse_server_tag(key: str, participle: str) -> None:
    if key in SERVER_TAGS:
        raise InvalidInput(f"Tag {quoted(key)} is immutable and cannot be {participle} on a trace.")
