"""Validation of the fields of a webhook, in both formats. Raises InvalidInput."""

from __future__ import annotations

import re
from collections.abc import Sequence

from core.errors import InvalidInput
from registry.names import check_text
from webhooks import databricks
from webhooks.events import EVENTS
from webhooks.models import Webhook, WebhookFormat, WebhookStatus

_NAME = re.compile(r"(?=.{1,63}\Z)[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_HEADER = re.compile(r"[!-~]([ -~]*[!-~])?")
_MAX_SECRET = 1000


def checked_name(name: str) -> str:
    """Return a webhook name. Raises InvalidInput for one that MLflow does not allow."""
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            f"Webhook name {name[:100]!r} is invalid. It must start and end with a letter or digit, be at most 63 characters "
            "long, and contain only letters, digits, dots (.), underscores (_), and hyphens (-)."
        )
    return name


def checked_secret(secret: str) -> str:
    """Return the secret that signs deliveries, "" for none.

    Raises TooLarge for more than 1,000 characters, InvalidInput for a NUL byte.
    """
    return check_text(secret, "webhook secret", _MAX_SECRET)


def checked_authorization(authorization: str) -> str:
    """Return the value of an Authorization header, "" for none. Raises InvalidInput unless it is printable ASCII."""
    if authorization and (len(authorization) > _MAX_SECRET or not _HEADER.fullmatch(authorization)):
        raise InvalidInput(f"A webhook's authorization must be at most {_MAX_SECRET} printable ASCII characters.")
    return authorization


def checked_status(status: str, format_: str) -> str:
    """Return a status. Raises InvalidInput for one that webhooks of this format do not have."""
    allowed = [name for name in WebhookStatus if format_ == WebhookFormat.DATABRICKS or name != WebhookStatus.TEST_MODE]
    if status not in allowed:
        raise InvalidInput(f"Unknown webhook status {status[:20]!r}. Choose {' or '.join(allowed)}.")
    return status


def checked_events(events: Sequence[str], webhook: Webhook) -> list[str]:
    """Return the events without duplicates.

    Raises InvalidInput for an empty list and for an event that this webhook cannot have.
    """
    events_once = list(dict.fromkeys(events))
    if not events_once:
        raise InvalidInput("Webhook events must be a non-empty list of WebhookEvent objects.")
    for event in events_once:
        check_event(event, webhook.format)
    if databricks.REGISTERED_MODEL_CREATED in events_once and webhook.model is not None:
        raise InvalidInput(
            f"Only a webhook of every model can have the event {databricks.REGISTERED_MODEL_CREATED}: leave out model_name."
        )
    return events_once


def check_event(event: str, format_: str) -> None:
    """Raise InvalidInput for an event that webhooks of this format cannot have."""
    if format_ == WebhookFormat.DATABRICKS and event not in databricks.EVENTS:
        raise InvalidInput(
            f"There is no webhook event {event[:100]!r}. Events are: {', '.join(sorted(databricks.EVENTS))}."
        )
    if format_ == WebhookFormat.MLFLOW and event not in EVENTS:
        raise InvalidInput(f"There is no webhook event {event[:100]!r}.")
