"""The consumer of audit events that writes deliveries. `AUDIT_CONSUMERS` names it, so services need not call it."""

from __future__ import annotations

from datetime import timedelta
from functools import cache

from django.db import connection
from django.db.models import BigIntegerField, Q

from audit.actions import Action
from audit.consumers import consumes
from audit.models import Event
from audit.services import enqueue
from core.ids import row_id
from core.orm.compiled_queries import CompiledQuery, Slot, compiled
from core.refs import model_stream
from webhooks import databricks
from webhooks.cloud_events import as_cloud_event
from webhooks.events import KINDS, Kind
from webhooks.models import Delivery, Subscription, WebhookStatus
from webhooks.payloads import Message, message_of, source_of

# After this time a delivery is not tried again, however few attempts were made.
GIVE_UP_AFTER = timedelta(hours=24)
_STREAM = model_stream(0).removesuffix("0")


@consumes(*{*KINDS, *databricks.NAMES})
def on_event(event: Event) -> None:
    """Write a delivery for every active webhook that subscribes to the event. Idempotent.

    Makes one query where no webhook does.
    """
    model_id = row_id(event.stream.removeprefix(_STREAM))
    if event.outcome != "ok" or not model_id:
        return
    subscribers = _subscribers(event, model_id)
    source = source_of(event, model_id) if subscribers else None
    if source is None:
        return
    names = {name for _, name, _ in subscribers}
    message = None if names <= databricks.EVENTS else message_of(source)
    payloads = {} if names.isdisjoint(databricks.EVENTS) else databricks.payloads_of(source)
    for webhook_id, name, as_cloud in subscribers:
        if message is not None and name == message.name:
            _deliver(webhook_id, event, as_cloud_event(message, event) if as_cloud else message)
        elif name in payloads:
            _deliver(webhook_id, event, Message(name, databricks.body_of(payloads[name], webhook_id)))


def _subscribers(event: Event, model_id: int) -> list[tuple[str, str, bool]]:
    """Return (webhook id, event name, whether CloudEvents are sent) of each subscription to an event.

    The webhooks are those of this model and those of every model.
    """
    rows = _subscribers_to(Action(event.action), connection.vendor).rows({"model": model_id})
    return [(webhook_id, name, bool(cloud_events)) for webhook_id, name, cloud_events in rows]


@cache
def _subscribers_to(action: Action, _vendor: str) -> CompiledQuery:
    names = [*KINDS.get(action, Kind()).names, *databricks.NAMES.get(action, ())]
    rows = Subscription.objects.filter(
        Q(webhook__model__isnull=True) | Q(webhook__model_id=Slot("model", BigIntegerField())),
        event__in=names,
        webhook__status=WebhookStatus.ACTIVE,
        webhook__deleted_at__isnull=True,
    )
    return compiled(rows.order_by("pk").values_list("webhook_id", "event", "webhook__cloud_events"))


def _deliver(webhook_id: str, event: Event, message: Message) -> None:
    delivery, is_new = Delivery.objects.get_or_create(
        webhook_id=webhook_id,
        event_id=event.event_id,
        event=message.name,
        defaults={
            "subject": event.object_ref,
            "body": message.body,
            "created_at": event.at,
            "next_attempt_at": event.at,
            "queued_at": event.at,
            "give_up_at": event.at + GIVE_UP_AFTER,
        },
    )
    if is_new:
        enqueue("webhooks.tasks.deliver", delivery_id=str(delivery.pk))
