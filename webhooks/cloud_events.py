"""Webhook events as CloudEvents 1.0, in structured mode with the JSON format (https://cloudevents.io)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson
from django.conf import settings

from audit.models import Event
from core.times import iso_utc
from webhooks.payloads import Message

CONTENT_TYPE = "application/cloudevents+json; charset=UTF-8"
_BEGINNING = '{"specversion":"1.0",'
# The source where CUSTODY_BASE_URL is not set: a URI reference without a host.
_NO_ADDRESS = "custody"


def as_cloud_event(message: Message, event: Event) -> Message:
    """Return a message in MLflow's format as a CloudEvent. Its id is that of the audit event."""
    body = _body(message, event_id=str(event.event_id), subject=event.object_ref, at=event.at)
    return Message(message.name, body)


def sample_cloud_event(name: str, body: str, *, event_id: str, at: datetime) -> str:
    """Return the sample of an event in MLflow's format as a CloudEvent, as JSON text."""
    return _body(Message(name, body), event_id=event_id, subject="example", at=at)


def is_cloud_event(body: str) -> bool:
    """Return whether a delivery holds a CloudEvent: the format of a webhook may change while deliveries wait."""
    return body.startswith(_BEGINNING)


def _body(message: Message, *, event_id: str, subject: str, at: datetime) -> str:
    data: Any = orjson.loads(message.body)["data"]
    attributes = {
        "specversion": "1.0",
        "id": event_id,
        "source": settings.BASE_URL or _NO_ADDRESS,
        "type": f"custody.{message.name}",
        "subject": subject,
        "time": iso_utc(at),
        "datacontenttype": "application/json",
        "data": data,
    }
    return orjson.dumps(attributes).decode()
