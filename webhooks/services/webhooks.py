"""Creating, changing, deleting and testing webhooks. What is sent to them is deliveries.py's business."""

from __future__ import annotations

import hashlib
import re
import time
import uuid
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from audit.actions import Action
from audit.actors import Actor
from audit.errors import InvalidInput, NotFound
from audit.refs import model_stream, webhook_ref
from audit.services import record
from registry.models import RegisteredModel
from registry.names import check_text
from registry.permissions import model_not_found, visible_models
from webhooks.addresses import check_url
from webhooks.events import EVENTS, GOVERNANCE
from webhooks.models import Subscription, Webhook, WebhookStatus
from webhooks.permissions import get_webhook, is_operator, may_go_inside, require_may_create
from webhooks.queries import events_of
from webhooks.samples import sample_of
from webhooks.secrecy import Unreadable, seal, unseal
from webhooks.signing import headers_of
from webhooks.transport import Answer, post

_NAME = re.compile(r"(?=.{1,63}\Z)[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_MAX_DESCRIPTION = 5000
_MAX_SECRET = 1000


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
) -> Webhook:
    """Make a webhook, for one model where ``model_name`` is given. Raises Denied, InvalidInput, NotFound (the model)."""
    model = _visible_model(actor, model_name) if model_name else None
    require_may_create(actor, model)
    now = timezone.now()
    webhook = Webhook(
        pk=str(uuid.uuid4()),
        name=_checked_name(name),
        description=check_text(description, "webhook description", _MAX_DESCRIPTION),
        sealed_secret=seal(_checked_secret(secret)),
        status=_checked_status(status),
        model=model,
        created_by=actor.name,
        created_at=now,
        updated_at=now,
    )
    _point(webhook, actor, url)
    wanted = _checked_events(events)
    webhook.save(force_insert=True)
    _subscribe(webhook, wanted)
    _record(actor, Action.WEBHOOKS_WEBHOOK_CREATED, webhook, after=_facts(webhook, wanted))
    return webhook


@transaction.atomic
def update_webhook(
    *,
    actor: Actor,
    webhook_id: str,
    name: str | None = None,
    url: str | None = None,
    events: Sequence[str] | None = None,
    description: str | None = None,
    secret: str | None = None,
    status: str | None = None,
) -> Webhook:
    """Change what is given (None: leave it). Raises NotFound, InvalidInput.

    ``events`` replaces what the webhook subscribes to, except that a list without governance events leaves those alone:
    MLflow's clients cannot see them, and must not remove what they cannot name. Who gives a ``url``, be it the same, vouches
    for it from then on.
    """
    webhook = _lock(actor, webhook_id)
    had = events_of(webhook)
    before = _facts(webhook, had)
    if name is not None:
        webhook.name = _checked_name(name)
    if url is not None:
        _point(webhook, actor, url)
    if description is not None:
        webhook.description = check_text(description, "webhook description", _MAX_DESCRIPTION)
    if secret is not None:
        webhook.sealed_secret = seal(_checked_secret(secret))
    if status is not None:
        webhook.status = _checked_status(status)
    wanted = had if events is None else _checked_events(events)
    if not GOVERNANCE.intersection(wanted):
        wanted = [*wanted, *(event for event in had if event in GOVERNANCE)]
    webhook.updated_at = timezone.now()
    webhook.save()
    _subscribe(webhook, wanted)
    after = _facts(webhook, wanted) | ({"secret": "replaced"} if secret is not None else {})
    _record(actor, Action.WEBHOOKS_WEBHOOK_UPDATED, webhook, before=before, after=after)
    return webhook


@transaction.atomic
def delete_webhook(*, actor: Actor, webhook_id: str) -> None:
    """End a webhook and forget its secret; the log of what was sent stays. NotFound."""
    webhook = _lock(actor, webhook_id)
    webhook.deleted_at = webhook.updated_at = timezone.now()
    webhook.sealed_secret = ""
    webhook.save(update_fields=["deleted_at", "updated_at", "sealed_secret"])
    _record(actor, Action.WEBHOOKS_WEBHOOK_DELETED, webhook, before=_facts(webhook, events_of(webhook)))


def send_test(*, actor: Actor, webhook_id: str, event: str = "") -> Answer:
    """Send a signed sample now and return what came of it. Without an event: the first the webhook subscribes to.

    No transaction is open while the receiver is waited for. Raises NotFound, InvalidInput (no such event).
    """
    webhook = get_webhook(actor, webhook_id)
    chosen = event or events_of(webhook)[0]
    if chosen not in EVENTS:
        raise InvalidInput(f"There is no webhook event {chosen[:100]!r}.")
    answer = _send_sample(webhook, chosen)
    with transaction.atomic():
        facts = {"event": chosen, "success": answer.is_success, "status": answer.status, "error": answer.error}
        _record(actor, Action.WEBHOOKS_WEBHOOK_TESTED, webhook, after=facts)
    return answer


def _send_sample(webhook: Webhook, event: str) -> Answer:
    body = sample_of(event)
    try:
        secret = unseal(webhook.sealed_secret)
    except Unreadable as error:
        return Answer(None, 0, str(error), refused=True)
    headers = headers_of(delivery_id=str(uuid.uuid4()), timestamp=int(time.time()), body=body, secret=secret)
    return post(
        webhook.url, body.encode(), headers, timeout=settings.WEBHOOK_TEST_TIMEOUT, private=may_go_inside(webhook)
    )


def _point(webhook: Webhook, actor: Actor, url: str) -> None:
    """Give a webhook its address and the one who vouches for it: nobody in person where that is an operator."""
    webhook.owner_id = None if is_operator(actor) else actor.user_id
    webhook.url = check_url(url, private=may_go_inside(webhook))
    webhook.failures, webhook.quiet_until = 0, None


def _lock(actor: Actor, webhook_id: str) -> Webhook:
    """Return a webhook the actor may change, its row locked until commit; NotFound."""
    seen = get_webhook(actor, webhook_id)
    locked = Webhook.objects.select_for_update(no_key=True).filter(pk=seen.pk, deleted_at__isnull=True).first()
    if locked is None:
        raise NotFound(f"Webhook with ID {webhook_id[:100]} not found.")
    locked.model = seen.model
    return locked


def _visible_model(actor: Actor, name: str) -> RegisteredModel:
    model = visible_models(actor).filter(name=name).first()
    if model is None:
        raise NotFound(model_not_found(name))
    return model


def _subscribe(webhook: Webhook, events: Iterable[str]) -> None:
    """Make the subscriptions exactly these."""
    wanted = list(events)
    webhook.subscriptions.exclude(event__in=wanted).delete()
    known = set(webhook.subscriptions.values_list("event", flat=True))
    Subscription.objects.bulk_create(
        Subscription(webhook=webhook, event=event) for event in wanted if event not in known
    )


def _checked_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            f"Webhook name {name[:100]!r} is invalid. It must start and end with a letter or digit, be at most 63 characters "
            "long, and contain only letters, digits, dots (.), underscores (_), and hyphens (-)."
        )
    return name


def _checked_secret(secret: str) -> str:
    return check_text(secret, "webhook secret", _MAX_SECRET)


def _checked_status(status: str) -> str:
    if status not in WebhookStatus.values:
        raise InvalidInput(f"A webhook's status is {' or '.join(WebhookStatus.values)}.")
    return status


def _checked_events(events: Sequence[str]) -> list[str]:
    """Return the events without repetitions; InvalidInput for none at all or an unknown one."""
    wanted = list(dict.fromkeys(events))
    if not wanted:
        raise InvalidInput("Webhook events must be a non-empty list of WebhookEvent objects.")
    for event in wanted:
        if event not in EVENTS:
            raise InvalidInput(f"There is no webhook event {event[:100]!r}.")
    return wanted


def _facts(webhook: Webhook, events: Sequence[str]) -> dict[str, object]:
    """Return what the log keeps: of the URL only host and digest, for many receivers know their senders by a secret in it."""
    return {
        "name": webhook.name,
        "host": urlsplit(webhook.url).netloc,
        "url_sha256": hashlib.sha256(webhook.url.encode()).hexdigest(),
        "events": sorted(events),
        "status": str(webhook.status),
        "signed": bool(webhook.sealed_secret),
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
