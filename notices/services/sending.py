"""Sending of messages: a worker takes a message, sends it and writes the outcome. Failures are retried for a day.

The rows say which messages are due; a task only makes a worker read them. A worker takes a message by raising its
number of attempts, and writes the outcome only while the row has that number. A worker that is killed before it writes
the outcome causes a second message with the same Message-ID: every message is sent at least once.
"""

from __future__ import annotations

import logging
import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from accounts.authentication import actor_from_user
from core.sweeps import kept_since
from notices.channels import Outcome, send_by
from notices.models import Message, MessageState, Notice, Topic
from notices.queries import policy_reviewers
from registry.permissions import Level, has_level

logger = logging.getLogger(__name__)

# Waiting after the first, second, … attempt (minutes).
WAITS = (0.5, 2, 10, 30, 120, 360)
MAX_ATTEMPTS = len(WAITS) + 1
_SPREAD = 0.15
_LEASE = timedelta(seconds=90)
_BATCH = 100


@dataclass(frozen=True, slots=True)
class Lease:
    """A message that a worker has taken. The outcome counts only while the row still has this ``attempt``."""

    message: Message
    attempt: int


def send_due(*, now: datetime | None = None) -> int:
    """Send the messages that are due, one after another, and return how many were sent."""
    sent = 0
    for _ in range(_BATCH):
        lease = take(now=now)
        if lease is None:
            break
        settle(lease=lease, outcome=send_by(lease.message))
        sent += lease.message.state == MessageState.SENT
    return sent


@transaction.atomic
def take(*, now: datetime | None = None) -> Lease | None:
    """Take the message that has been due longest and return it, None where none is due.

    Messages that need not be sent any more are marked as failed. Two workers never take the same message.
    """
    at = now or timezone.now()
    while True:
        due = Message.objects.filter(state=MessageState.PENDING, next_attempt_at__lte=at)
        if connection.features.has_select_for_update_skip_locked:
            due = due.select_for_update(skip_locked=True, of=("self",))
        row = due.select_related("notice__person", "notice__model").order_by("next_attempt_at", "pk").first()
        if row is None:
            return None
        if why := _why_not_send(row, at):
            _finish(row, MessageState.FAILED, why)
            continue
        row.attempts += 1
        row.next_attempt_at = at + _LEASE
        row.save(update_fields=["attempts", "next_attempt_at"])
        return Lease(row, row.attempts)


@transaction.atomic
def settle(*, lease: Lease, outcome: Outcome) -> None:
    """Write the outcome of an attempt, unless another worker has taken the message since."""
    row = Message.objects.select_for_update(no_key=True).get(pk=lease.message.pk)
    if row.state != MessageState.PENDING or row.attempts != lease.attempt:
        return
    if outcome.sent:
        _finish(row, MessageState.SENT, "")
    elif outcome.for_good or row.attempts >= MAX_ATTEMPTS:
        _finish(row, MessageState.FAILED, outcome.error)
    else:
        minutes = WAITS[row.attempts - 1] * random.uniform(1 - _SPREAD, 1 + _SPREAD)  # noqa: S311 - a spread, no secret
        wait = max(timedelta(minutes=minutes), timedelta(seconds=outcome.retry_after))
        row.next_attempt_at, row.error = timezone.now() + wait, outcome.error[:500]
        row.save(update_fields=["next_attempt_at", "error"])
    lease.message.state = row.state


def delete_old(*, now: datetime | None = None) -> int:
    """Delete notices older than CUSTODY_NOTICE_DAYS days, with their messages; return how many rows were deleted."""
    before = kept_since(settings.NOTICE_DAYS, now=now)
    return Notice.objects.filter(created_at__lt=before).delete()[0] if before else 0


def _why_not_send(row: Message, now: datetime) -> str:
    """Return why a message need not be sent any more, "" where it is still to be sent."""
    person, model = row.notice.person, row.notice.model
    if row.give_up_at <= now:
        return f"Not sent in time. {row.error}".strip()
    if not person.is_active:
        return "The account is no longer active."
    reader = actor_from_user(person, auth="system", request_id="")
    if model is not None and not has_level(reader, model, Level.READ):
        return "This person may no longer see the model."
    if row.notice.topic == Topic.PROPOSAL and not policy_reviewers().filter(pk=person.pk).exists():
        return "This person no longer reviews policies."
    return ""


def _finish(row: Message, state: MessageState, error: str) -> None:
    row.state, row.error = state, error[:500]
    row.next_attempt_at, row.finished_at = None, timezone.now()
    row.save(update_fields=["state", "error", "next_attempt_at", "finished_at"])
    if state == MessageState.FAILED:
        logger.warning("message %s by %s was not sent: %s", row.pk, row.channel, error)
