"""Delivery of webhook events: a worker takes a delivery, sends it and writes the outcome. It is sent at least once.

The rows say which deliveries are due; a task in the queue only names a row. A worker takes a delivery by raising its
number of attempts. Until `next_attempt_at` no other worker takes it, and the worker writes the outcome only while the
row has the number that it set. A receiver that does not answer at all is paused with all its deliveries, so that it
cannot occupy the workers.
"""

from __future__ import annotations

import logging
import random
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q
from django.utils import timezone

from audit.actions import Action
from audit.services import enqueue, record
from core.actors import Actor, system_actor
from core.errors import Conflict, NotFound
from core.refs import model_stream, webhook_ref
from core.sweeps import kept_since
from core.times import iso_utc
from webhooks.consumers import GIVE_UP_AFTER
from webhooks.models import Delivery, DeliveryState, Webhook, WebhookStatus
from webhooks.permissions import is_still_authorized, setter_of, visible_deliveries
from webhooks.sending import send
from webhooks.transport import Answer

logger = logging.getLogger(__name__)

# Waiting after the first, second, … attempt (minutes): eight attempts in about six hours.
WAITS = (0.5, 2, 6, 15, 45, 90, 200)
MAX_ATTEMPTS = len(WAITS) + 1
_SPREAD = 0.15  # share by which a wait varies, so that a receiver that recovers does not get all deliveries at once
_LEASE = timedelta(seconds=90)
_REQUEUE_AFTER = timedelta(seconds=60)  # a task that has not run by then is queued again
_PAUSES = (5, 15, 60, 300)  # seconds, after the first, second, … attempt without any answer
_MAX_RETRY_AFTER = 3600
_HISTORY = 20
_BATCH = 200
_RETRYABLE = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class Lease:
    """A delivery that a worker has taken. The outcome counts only while the row still has this ``attempt``."""

    delivery: Delivery
    webhook: Webhook
    attempt: int


def deliver(*, delivery_id: uuid.UUID) -> str:
    """Attempt one delivery if it is due and no worker has it; return the outcome as text for the log."""
    lease = take(delivery_id=delivery_id)
    if lease is None:
        return "nothing to do"
    settle(lease=lease, answer=_send(lease))
    return lease.delivery.state


@transaction.atomic
def take(*, delivery_id: uuid.UUID) -> Lease | None:
    """Take a delivery and return it.

    Returns None where it is not due, another worker has it, its receiver is paused, or it is not to be sent any more.
    """
    now = timezone.now()
    due = Delivery.objects.filter(pk=delivery_id, state=DeliveryState.PENDING, next_attempt_at__lte=now)
    row = due.select_for_update(no_key=True).first()
    if row is None:
        return None
    rows = Webhook.objects.select_related("model", "owner", "operator").select_for_update(no_key=True, of=("self",))
    webhook = rows.get(pk=row.webhook_id)
    if webhook.status == WebhookStatus.ACTIVE and webhook.deleted_at is None and not is_still_authorized(webhook):
        _disable(webhook, now)
        _finish(row, DeliveryState.FAILED, _no_longer_authorized(webhook), now)
        return None
    if reason := _why_not_send(row, webhook, now):
        _finish(row, DeliveryState.FAILED, reason, now)
        return None
    if webhook.quiet_until is not None:
        if webhook.quiet_until > now:
            row.next_attempt_at = webhook.quiet_until + timedelta(seconds=random.uniform(0, 5))  # noqa: S311 - a spread
            row.queued_at = None
            row.save(update_fields=["next_attempt_at", "queued_at"])
            return None
        webhook.quiet_until = now + _LEASE  # this attempt tries the receiver; other deliveries wait for its outcome
        webhook.save(update_fields=["quiet_until"])
    row.attempts += 1
    row.next_attempt_at = now + _LEASE
    row.queued_at = None
    row.save(update_fields=["attempts", "next_attempt_at", "queued_at"])
    return Lease(row, webhook, row.attempts)


@transaction.atomic
def settle(*, lease: Lease, answer: Answer) -> None:
    """Write the outcome of an attempt, unless another worker has taken the delivery since."""
    now = timezone.now()
    row = Delivery.objects.select_for_update(no_key=True).get(pk=lease.delivery.pk)
    if row.state != DeliveryState.PENDING or row.attempts != lease.attempt:
        return
    lease.delivery.state = row.state
    _note_receiver(lease.webhook, answer, now)
    row.status_code = answer.status
    row.duration_ms = answer.milliseconds
    row.error = "" if answer.is_success else (answer.error or f"The receiver answered {answer.status}.")[:500]
    entry = {"at": iso_utc(now), "status": answer.status, "error": row.error, "ms": answer.milliseconds}
    row.history = [*row.history, entry][-_HISTORY:]
    if answer.is_success:
        _finish(row, DeliveryState.DELIVERED, "", now)
    elif not _is_worth_trying(answer) or row.attempts >= MAX_ATTEMPTS:
        _finish(row, DeliveryState.FAILED, row.error, now)
    else:
        row.next_attempt_at = now + _wait(row.attempts, answer)
        row.save()
    lease.delivery.state = row.state


@transaction.atomic
def send_again(*, actor: Actor, delivery_id: uuid.UUID) -> Delivery:
    """Send a finished delivery again under the same id, with a full number of attempts.

    Raises NotFound, and Conflict while it is still being tried or its webhook is not active.
    """
    now = timezone.now()
    visible = visible_deliveries(actor).filter(pk=delivery_id)
    row = visible.select_for_update(no_key=True, of=("self",)).first()
    if row is None:
        raise NotFound("There is no such delivery.")
    webhook = Webhook.objects.get(pk=row.webhook_id)
    if row.state == DeliveryState.PENDING:
        raise Conflict("This delivery is still being tried.")
    if webhook.deleted_at is not None or webhook.status != WebhookStatus.ACTIVE:
        raise Conflict(f"The webhook {webhook.name} is {'deleted' if webhook.deleted_at else 'not active'}.")
    before = {"delivery": str(row.pk), "state": row.state}
    row.state, row.attempts, row.error = DeliveryState.PENDING, 0, ""
    row.finished_at, row.next_attempt_at, row.queued_at, row.give_up_at = None, now, now, now + GIVE_UP_AFTER
    row.save()
    stream = model_stream(webhook.model_id) if webhook.model_id else ""
    record(
        actor=actor,
        action=Action.WEBHOOKS_DELIVERY_RESENT,
        obj=webhook_ref(webhook.pk),
        stream=stream,
        before=before,
        after={"delivery": str(row.pk), "state": row.state, "event": row.event},
    )
    enqueue("webhooks.tasks.deliver", delivery_id=str(row.pk))
    return row


@transaction.atomic
def queue_due() -> int:
    """Queue the deliveries that are due and were not queued in the last minute, and return how many."""
    now = timezone.now()
    due = Delivery.objects.filter(state=DeliveryState.PENDING, next_attempt_at__lte=now)
    due = due.filter(Q(queued_at__isnull=True) | Q(queued_at__lt=now - _REQUEUE_AFTER))
    if connection.features.has_select_for_update_skip_locked:
        due = due.select_for_update(skip_locked=True)
    delivery_ids = list(due.order_by("next_attempt_at").values_list("pk", flat=True)[:_BATCH])
    Delivery.objects.filter(pk__in=delivery_ids).update(queued_at=now)
    for pk in delivery_ids:
        enqueue("webhooks.tasks.deliver", delivery_id=str(pk))
    return len(delivery_ids)


def delete_old(*, now: datetime | None = None) -> int:
    """Delete finished deliveries older than WEBHOOK_LOG_DAYS; return how many."""
    before = kept_since(settings.WEBHOOK_LOG_DAYS, now=now)
    if before is None:
        return 0
    return Delivery.objects.filter(~Q(state=DeliveryState.PENDING), finished_at__lt=before).delete()[0]


def _send(lease: Lease) -> Answer:
    row = lease.delivery
    return send(lease.webhook, delivery_id=str(row.pk), body=row.body, timeout=settings.WEBHOOK_TIMEOUT)


def _why_not_send(row: Delivery, webhook: Webhook, now: datetime) -> str:
    """Return why a delivery is not to be sent any more, "" where it is."""
    if webhook.deleted_at is not None:
        return "The webhook was deleted before this could be sent."
    if webhook.status != WebhookStatus.ACTIVE:
        return "The webhook was disabled before this could be sent."
    if row.give_up_at <= now:
        return f"Not delivered within {GIVE_UP_AFTER.total_seconds() / 3600:g} hours. {row.error}".strip()
    return ""


def _no_longer_authorized(webhook: Webhook) -> str:
    right = f"manage {webhook.model}" if webhook.owner_id else "have webhooks as an operator"
    name = getattr(setter_of(webhook), "username", webhook.created_by)
    return f"{name}, who set this webhook's URL, may no longer {right}. Set the URL again."


def _disable(webhook: Webhook, now: datetime) -> None:
    """Disable a webhook because the account that set its URL lost the right to, and record it."""
    webhook.status, webhook.updated_at = WebhookStatus.DISABLED, now
    webhook.save(update_fields=["status", "updated_at"])
    record(
        actor=system_actor("deliver_webhook"),
        action=Action.WEBHOOKS_WEBHOOK_DISABLED,
        obj=webhook_ref(webhook.pk),
        stream=model_stream(webhook.model_id) if webhook.model_id else "",
        before={"status": str(WebhookStatus.ACTIVE)},
        after={"status": str(webhook.status), "name": webhook.name},
        reason=_no_longer_authorized(webhook),
    )


def _is_worth_trying(answer: Answer) -> bool:
    """Return whether a later attempt may succeed: after no answer, a request to wait, or an error of the receiver."""
    if answer.refused:
        return False
    return answer.status is None or answer.status in _RETRYABLE or answer.status >= 500  # noqa: PLR2004 - a server error in HTTP


def _wait(attempts: int, answer: Answer) -> timedelta:
    seconds = 60 * WAITS[attempts - 1] * random.uniform(1 - _SPREAD, 1 + _SPREAD)  # noqa: S311 - a spread, no secret
    requested_wait = min(answer.retry_after or 0, _MAX_RETRY_AFTER)
    return timedelta(seconds=max(seconds, requested_wait))


def _finish(row: Delivery, state: DeliveryState, error: str, now: datetime) -> None:
    row.state, row.error, row.finished_at = state, error[:500], now
    row.next_attempt_at = row.queued_at = None
    row.save()
    if state == DeliveryState.FAILED:
        logger.warning(
            "delivery %s of %s to webhook %s failed for good: %s", row.pk, row.event, row.webhook_id, row.error
        )


def _note_receiver(webhook: Webhook, answer: Answer, now: datetime) -> None:
    """Pause a receiver that did not answer, longer after each failure. Any answer ends the pause."""
    if answer.refused:
        return
    if answer.status is not None:
        Webhook.objects.filter(Q(failures__gt=0) | Q(quiet_until__isnull=False), pk=webhook.pk).update(
            failures=0, quiet_until=None
        )
        return
    pause_until = now + timedelta(seconds=_PAUSES[min(webhook.failures, len(_PAUSES) - 1)])
    Webhook.objects.filter(pk=webhook.pk).update(failures=F("failures") + 1, quiet_until=pause_until)
