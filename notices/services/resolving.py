"""Notices that ask for a decision are marked as read once the decision is taken."""

from __future__ import annotations

from django.utils import timezone

from approvals.models.requests import request_path
from audit.actions import Action
from audit.models import Event
from notices.models import Notice, Topic

_REVIEWED = Action.APPROVALS_REVIEW_GIVEN
_CLOSED = frozenset(
    {
        Action.APPROVALS_REQUEST_APPROVED,
        Action.APPROVALS_REQUEST_APPLIED,
        Action.APPROVALS_REQUEST_REJECTED,
        Action.APPROVALS_REQUEST_STALED,
        Action.APPROVALS_REQUEST_EXPIRED,
        Action.APPROVALS_REQUEST_WITHDRAWN,
    }
)


def mark_resolved(event: Event) -> None:
    """Mark notices that ask for a decision on the request of an event as read, in the transaction of the event.

    The event of a closed request resolves the notices of all people. The event of a review resolves those of the
    reviewer. A notice that another transaction has locked is left out.
    """
    if event.action != _REVIEWED and event.action not in _CLOSED:
        return
    number, model = event.object_ref.rpartition(":")[2], event.stream.rpartition(":")[2]
    rows = Notice.objects.filter(
        model_id=int(model),
        path=request_path(int(number)),
        topic__in=(Topic.DECISION, Topic.REMINDER),
        read_at__isnull=True,
    )
    if event.action == _REVIEWED:
        rows = rows.filter(person_id=int(event.actor_ref.rpartition(":")[2]))
    notice_ids = list(rows.select_for_update(skip_locked=True).values_list("pk", flat=True))
    if notice_ids:
        Notice.objects.filter(pk__in=notice_ids).update(read_at=timezone.now())
