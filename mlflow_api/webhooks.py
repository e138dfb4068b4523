"""MLflow `webhooks/…`.

MLflow's clients can read a webhook's ``events`` only where all of them are MLflow's own, and at least one is. So the
governance events of a webhook are returned in a field of their own, ``governance_events``; a request may have both in
``events``. ``cloud_events`` is a field that MLflow's clients do not have either: events are sent as CloudEvents.
"""

from __future__ import annotations

from core.actors import Actor
from core.errors import InvalidInput
from core.times import to_ms
from mlflow_api.dispatch import rpc
from mlflow_api.parse import Params
from mlflow_api.render_tracking import Json, filled
from webhooks.events import ACTIONS, ENTITIES, GOVERNANCE, event_named, split_name
from webhooks.models import Webhook, WebhookStatus
from webhooks.permissions import get_webhook
from webhooks.queries import events_of, list_webhooks
from webhooks.services import webhooks

_STATUSES = {"ACTIVE": 1, "DISABLED": 2}


def _event(q: Params) -> str:
    """Return the name of one WebhookEvent. Raises InvalidInput: unknown entity or action."""
    return event_named(_named(q, "entity", ENTITIES), _named(q, "action", ACTIONS))


def _named(q: Params, field: str, names: dict[str, int]) -> str:
    if name := q.choice(field, names):
        return name
    if not q.has(field):
        q.need(field)  # says which is missing
    raise InvalidInput(f"Unknown {field} of a webhook event: it must be one of {', '.join(names)}.")


def _status(q: Params) -> str | None:
    if not q.has("status"):
        return None
    status = q.choice("status", _STATUSES)
    if not status:
        raise InvalidInput(f"Invalid value for parameter 'status' supplied: it must be {' or '.join(_STATUSES)}.")
    return status


def _events(q: Params) -> list[str]:
    return [_event(item) for item in q.items("events")]


def _rendered(webhook: Webhook) -> Json:
    events = events_of(webhook)
    subscriptions = [dict(zip(("entity", "action"), split_name(event), strict=True)) for event in events]
    kinds = list(zip(events, subscriptions, strict=True))
    return filled(
        webhook_id=webhook.pk,
        name=webhook.name,
        description=webhook.description or None,
        url=webhook.url,
        events=[event for name, event in kinds if name not in GOVERNANCE],
        governance_events=[event for name, event in kinds if name in GOVERNANCE],
        status=str(webhook.status),
        model_name=webhook.model.name if webhook.model else None,
        cloud_events=webhook.cloud_events or None,
        creation_timestamp=to_ms(webhook.created_at),
        last_updated_timestamp=to_ms(webhook.updated_at),
    )


@rpc("POST", "webhooks")
def create_webhook(actor: Actor, q: Params) -> Json:
    """MLflow `webhooks` (create): return the new webhook. Raises Denied, InvalidInput, NotFound (no such model)."""
    webhook = webhooks.create_webhook(
        actor=actor,
        name=q.need("name"),
        url=q.need("url"),
        events=_events(q),
        description=q.text("description"),
        secret=q.text("secret"),
        status=_status(q) or WebhookStatus.ACTIVE,
        model_name=q.text("model_name"),
        cloud_events=q.boolean("cloud_events"),
    )
    return {"webhook": _rendered(webhook)}


@rpc("GET", "webhooks")
def search_webhooks(actor: Actor, q: Params) -> Json:
    """MLflow `webhooks` (list): return one page of webhooks, newest first, and the token of the next page.

    Webhooks for governance events alone are listed only with `governance`. Raises InvalidInput (page size or token).
    """
    webhooks, token = list_webhooks(
        actor=actor,
        max_results=q.integer("max_results"),
        page_token=q.text("page_token"),
        governance=q.boolean("governance"),
    )
    return filled(webhooks=[_rendered(webhook) for webhook in webhooks], next_page_token=token or None)


@rpc("GET", "webhooks/{webhook_id}")
def read_webhook(actor: Actor, q: Params) -> Json:
    """MLflow `webhooks/{webhook_id}` (get): return a webhook. Raises NotFound."""
    return {"webhook": _rendered(get_webhook(actor, q.text("webhook_id")))}


@rpc("PATCH", "webhooks/{webhook_id}")
def update_webhook(actor: Actor, q: Params) -> Json:
    """MLflow `webhooks/{webhook_id}` (update): change the given fields and return the webhook.

    Raises NotFound, InvalidInput (a bad value, or a change of the model).
    """
    if q.has("model_name"):
        raise InvalidInput("The model of a webhook cannot be changed: make another webhook.")
    webhook = webhooks.update_webhook(
        actor=actor,
        webhook_id=q.text("webhook_id"),
        name=q.text("name") or None,
        url=q.text("url") or None,
        events=_events(q) or None,
        description=q.text("description") if q.has("description") else None,
        secret=q.text("secret") if q.has("secret") else None,
        status=_status(q),
        cloud_events=q.boolean("cloud_events") if q.has("cloud_events") else None,
    )
    return {"webhook": _rendered(webhook)}


@rpc("DELETE", "webhooks/{webhook_id}")
def delete_webhook(actor: Actor, q: Params) -> Json:
    """MLflow `webhooks/{webhook_id}` (delete): delete a webhook; its delivery log stays. Raises NotFound."""
    webhooks.delete_webhook(actor=actor, webhook_id=q.text("webhook_id"))
    return {}


@rpc("POST", "webhooks/{webhook_id}/test")
def test_webhook(actor: Actor, q: Params) -> Json:
    """MLflow `webhooks/{webhook_id}/test`: send a sample event and return the receiver's response.

    Raises NotFound, InvalidInput (no such event).
    """
    answer = webhooks.send_test(
        actor=actor,
        webhook_id=q.text("webhook_id"),
        event=_event(q.message("event")) if q.has("event") else "",
    )
    result = filled(
        success=answer.is_success,
        response_status=answer.status,
        response_body=answer.body or None,
        error_message=answer.error or None,
    )
    return {"result": result}
