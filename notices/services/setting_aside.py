"""Notices that asked for a decision count as read once the decision was taken."""

from __future__ import annotations

from django.utils import timezone

from approvals.requests.refusals import request_path
from audit.actions import Action
from audit.models import Event
from notices.models import Notice, Topic

_DECIDED = Action.APPROVALS_REVIEW_GIVEN
_OVER = frozenset(
    {
        Action.APPROVALS_REQUEST_APPROVED,
        Action.APPROVALS_REQUEST_APPLIED,
        Action.APPROVALS_REQUEST_REJECTED,
        Action.APPROVALS_REQUEST_STALED,
        Action.APPROVALS_REQUEST_EXPIRED,
        Action.APPROVALS_REQUEST_WITHDRAWN,
    }
)


def set_aside(event: Event) -> None:
    """Mark as read what asked people to decide: everybody's when the request no longer waits, one's own when one decided.

    In the transaction of the event. A notice that its person is reading at this moment is left to them.
    """
    if event.action != _DECIDED and event.action not in _OVER:
        return
    number, model = event.object_ref.rpartition(":")[2], event.stream.rpartition(":")[2]
    rows = Notice.objects.filter(
        model_id=int(model),
        path=request_path(int(number)),
        topic__in=(Topic.DECISION, Topic.REMINDER),
        read_at__isnull=True,
    )
    if event.action == _DECIDED:
        rows = rows.filter(person_id=int(event.actor_ref.rpartition(":")[2]))
    found = list(rows.select_for_update(skip_locked=True).values_list("pk", flat=True))
    if found:
        Notice.objects.filter(pk__in=found).update(read_at=timezone.now())
