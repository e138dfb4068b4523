"""Creating, changing, deleting and testing webhooks. Deliveries are in deliveries.py."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from audit.actions import Action
from audit.services import record
from core.actors import Actor
from core.errors import InvalidInput, NotFound
from core.refs import model_stream, webhook_ref
from registry.models import RegisteredModel
from registry.names import check_text
from registry.permissions import model_not_found, visible_models
from webhooks import databricks
from webhooks.addresses import check_url
from webhooks.cloud_events import sample_cloud_event
from webhooks.events import GOVERNANCE
from webhooks.fields import (
    check_event,
    checked_authorization,
    checked_events,
    checked_name,
    checked_secret,
    checked_status,
)
from webhooks.models import Subscription, Webhook, WebhookFormat, WebhookStatus
from webhooks.permissions import (
    get_webhook,
    is_operator,
    is_still_authorized,
    may_reach_private_network,
    require_may_create,
)
from webhooks.queries import events_of
from webhooks.samples import sample_of
from webhooks.secrecy import seal
from webhooks.sending import send
from webhooks.transport import Answer

_MAX_DESCRIPTION = 5000


@dataclass(frozen=True, slots=True)
class HttpSpec:
    """The fields that only Databricks' format has. None leaves a field unchanged.

    ``authorization`` is sent as a header. ``verify_tls`` tells whether the receiver's certificate is checked.
    """

    authorization: str | None = None
    verify_tls: bool | None = None


@transaction.atomic
def create_webhook(
    *,
    actor: Actor,
    name: str,
    url: str,
    events: Sequence[str],
    description: str = "",
    secret: str = "",
    status: str = WebhookStatus.ACTIVE,
    model_name: str = "",
    cloud_events: bool = False,
    spec: HttpSpec | None = None,
) -> Webhook:
    """Create a webhook and return it: for one model with ``model_name``, in Databricks' format with ``spec``.

    With ``cloud_events``, which Databricks' format does not have, its events are sent as CloudEvents.
    Raises Denied, InvalidInput, NotFound (the model).
    """
    model = _visible_model(actor, model_name) if model_name else None
    require_may_create(actor, model)
    now = timezone.now()
    webhook = Webhook(
        pk=str(uuid.uuid4()),
        name=checked_name(name),
        description=check_text(description, "webhook description", _MAX_DESCRIPTION),
        sealed_secret=seal(checked_secret(secret)),
        format=_format_of(spec),
        cloud_events=cloud_events,
        status=checked_status(status, _format_of(spec)),
        model=model,
        created_by=actor.name,
        created_at=now,
        updated_at=now,
    )
    _set_target(webhook, actor, url, spec or HttpSpec())
    checked = checked_events(events, webhook)
    webhook.save(force_insert=True)
    _subscribe(webhook, checked)
    _record(actor, Action.WEBHOOKS_WEBHOOK_CREATED, webhook, after=_facts(webhook, checked))
    return webhook


@transaction.atomic
def update_webhook(  # noqa: PLR0913 - the fields of a webhook
    *,
    actor: Actor,
    webhook_id: str,
    name: str | None = None,
    url: str | None = None,
    events: Sequence[str] | None = None,
    description: str | None = None,
    secret: str | None = None,
    status: str | None = None,
    cloud_events: bool | None = None,
    spec: HttpSpec | None = None,
    exactly: bool = False,
) -> Webhook:
    """Change the fields that are given; None leaves a field unchanged. Raises NotFound, InvalidInput.

    ``spec`` is for a webhook in Databricks' format. ``events`` replaces the subscriptions. MLflow's clients cannot name
    governance events: unless ``exactly`` is true, a list without governance events keeps those of the webhook. The
    person who sets a ``url`` becomes the webhook's owner.
    """
    webhook = _lock(actor, webhook_id, _format_of(spec))
    old_events = events_of(webhook)
    before = _facts(webhook, old_events)
    if name is not None:
        webhook.name = checked_name(name)
    _set_target(webhook, actor, url, spec or HttpSpec())
    if description is not None:
        webhook.description = check_text(description, "webhook description", _MAX_DESCRIPTION)
    webhook.cloud_events = webhook.cloud_events if cloud_events is None else cloud_events
    if secret is not None:
        webhook.sealed_secret = seal(checked_secret(secret))
    if status is not None:
        webhook.status = _status(webhook, status)
    new_events = _events_after(webhook, old_events, events, exactly=exactly)
    webhook.updated_at = timezone.now()
    webhook.save()
    _subscribe(webhook, new_events)
    after = _facts(webhook, new_events) | _replaced(secret=secret, authorization=spec.authorization if spec else None)
    _record(actor, Action.WEBHOOKS_WEBHOOK_UPDATED, webhook, before=before, after=after)
    return webhook


@transaction.atomic
def delete_webhook(*, actor: Actor, webhook_id: str, wire: WebhookFormat = WebhookFormat.MLFLOW) -> None:
    """Mark a webhook as deleted and remove its secrets. Its deliveries stay in the list. Raises NotFound."""
    webhook = _lock(actor, webhook_id, wire)
    webhook.deleted_at = webhook.updated_at = timezone.now()
    webhook.sealed_secret = webhook.sealed_authorization = ""
    webhook.save(update_fields=["deleted_at", "updated_at", "sealed_secret", "sealed_authorization"])
    _record(actor, Action.WEBHOOKS_WEBHOOK_DELETED, webhook, before=_facts(webhook, events_of(webhook)))


def send_test(
    *,
    actor: Actor,
    webhook_id: str,
    event: str = "",
    wire: WebhookFormat = WebhookFormat.MLFLOW,
) -> Answer:
    """Send a signed sample of an event now and return the outcome.

    Without ``event`` the first event that the webhook subscribes to is used. No transaction is open while the receiver
    is called. Raises NotFound, InvalidInput (no such event).
    """
    webhook = get_webhook(actor, webhook_id, wire=wire)
    chosen = event or events_of(webhook)[0]
    check_event(chosen, webhook.format)
    answer = _send_sample(webhook, chosen)
    with transaction.atomic():
        facts = {"event": chosen, "success": answer.is_success, "status": answer.status, "error": answer.error}
        _record(actor, Action.WEBHOOKS_WEBHOOK_TESTED, webhook, after=facts)
    return answer


def _send_sample(webhook: Webhook, event: str) -> Answer:
    body = sample_of(event) if webhook.format == WebhookFormat.MLFLOW else databricks.sample_of(event, webhook.pk)
    delivery_id = str(uuid.uuid4())
    if webhook.cloud_events:
        body = sample_cloud_event(event, body, event_id=delivery_id, at=timezone.now())
    return send(webhook, delivery_id=delivery_id, body=body, timeout=settings.WEBHOOK_TEST_TIMEOUT)


def _set_target(webhook: Webhook, actor: Actor, url: str | None, spec: HttpSpec) -> None:
    """Set the URL of a webhook, its owner (None where an operator sets the URL) and the fields of ``spec``.

    An authorization is not kept for a new URL, because another manager of the model may set that URL. Raises
    InvalidInput.
    """
    if url is not None:
        if webhook.sealed_authorization and spec.authorization is None and url != webhook.url:
            raise InvalidInput(
                "This webhook has an authorization, which is only for its current URL. "
                "Send the authorization again with the new URL, or an empty one to remove it."
            )
        by_operator = is_operator(actor)
        webhook.owner_id = None if by_operator else actor.user_id
        webhook.operator_id = actor.user_id if by_operator else None
        webhook.url = check_url(url, private=may_reach_private_network(webhook))
        webhook.failures, webhook.quiet_until = 0, None
    if spec.authorization is not None:
        webhook.sealed_authorization = seal(checked_authorization(spec.authorization))
    if spec.verify_tls is not None:
        webhook.verify_tls = spec.verify_tls
    if not webhook.verify_tls and not may_reach_private_network(webhook):
        raise InvalidInput(
            "enable_ssl_verification cannot be false. It can be false only for a webhook of an operator with a receiver "
            "on the private network, where CUSTODY_WEBHOOK_ALLOW_PRIVATE is on."
        )


def _status(webhook: Webhook, requested: str) -> str:
    """Return a new status. Raises InvalidInput, also where it is switched on and whoever set its URL lost the right."""
    if requested == WebhookStatus.ACTIVE and not is_still_authorized(webhook):
        raise InvalidInput(
            "Whoever set the URL of this webhook may no longer send events to it. Check the URL and send it again."
        )
    return checked_status(requested, webhook.format)


def _format_of(spec: HttpSpec | None) -> WebhookFormat:
    return WebhookFormat.MLFLOW if spec is None else WebhookFormat.DATABRICKS


def _events_after(webhook: Webhook, old: list[str], events: Sequence[str] | None, *, exactly: bool) -> list[str]:
    """Return the events of a changed webhook; governance events stay unless ``exactly``. Raises InvalidInput."""
    new = old if events is None else checked_events(events, webhook)
    if not exactly and not GOVERNANCE.intersection(new):
        new = [*new, *(event for event in old if event in GOVERNANCE)]
    return new


def _replaced(**values: str | None) -> dict[str, object]:
    return {name: "replaced" for name, value in values.items() if value is not None}


def _lock(actor: Actor, webhook_id: str, wire: WebhookFormat) -> Webhook:
    """Return a webhook that the actor may change, with its row locked until commit. Raises NotFound."""
    visible = get_webhook(actor, webhook_id, wire=wire)
    locked = Webhook.objects.select_for_update(no_key=True).filter(pk=visible.pk, deleted_at__isnull=True).first()
    if locked is None:
        raise NotFound(f"Webhook with ID {webhook_id[:100]} not found.")
    locked.model = visible.model
    return locked


def _visible_model(actor: Actor, name: str) -> RegisteredModel:
    model = visible_models(actor).filter(name=name).first()
    if model is None:
        raise NotFound(model_not_found(name))
    return model


def _subscribe(webhook: Webhook, events: Iterable[str]) -> None:
    """Make the subscriptions exactly these."""
    requested = list(events)
    webhook.subscriptions.exclude(event__in=requested).delete()
    subscribed = set(webhook.subscriptions.values_list("event", flat=True))
    Subscription.objects.bulk_create(
        Subscription(webhook=webhook, event=event) for event in requested if event not in subscribed
    )


def _facts(webhook: Webhook, events: Sequence[str]) -> dict[str, object]:
    """Return the facts for the audit event. It has host and digest of the URL, which may contain a secret."""
    return {
        "name": webhook.name,
        "host": urlsplit(webhook.url).netloc,
        "url_sha256": hashlib.sha256(webhook.url.encode()).hexdigest(),
        "events": sorted(events),
        "status": str(webhook.status),
        "signed": bool(webhook.sealed_secret),
        "authorized": bool(webhook.sealed_authorization),
        "verify_tls": webhook.verify_tls,
        "format": str(webhook.format),
        "cloud_events": webhook.cloud_events,
        "model": webhook.model.name if webhook.model else "",
    }


def _record(
    actor: Actor,
    action: Action,
    webhook: Webhook,
    *,
    before: dict[str, object] | None = None,
    after: dict[str, object] | None = None,
) -> None:
    stream = model_stream(webhook.model_id) if webhook.model_id else ""
    record(actor=actor, action=action, obj=webhook_ref(webhook.pk), stream=stream, before=before, after=after)
