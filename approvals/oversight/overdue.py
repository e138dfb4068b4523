"""Noticing what is overdue: findings, the reviews that emergencies owe, and what has to be reviewed again. Each is said once."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from approvals.case.re_review_dates import due_dates, unrecorded_overdue, versions_to_schedule
from approvals.models.oversight import FindingState, PostReview
from approvals.oversight.emergencies import say_post_review_overdue
from approvals.oversight.finding_queries import overdue_findings
from approvals.oversight.locks import lock_finding
from approvals.oversight.re_reviews import say_overdue
from audit.actions import Action
from audit.services import record
from core.actors import Actor, system_actor
from registry.services.review_due import set_review_due

_JOB = "flag_overdue"


def flag_overdue(now: datetime) -> int:
    """Say of everything that is overdue now that it is, once; return how many there were."""
    actor = system_actor(_JOB)
    said = sum(say_finding_overdue(actor=actor, finding_id=pk, now=now) for pk in overdue_findings(now))
    late = PostReview.objects.filter(completed_at__isnull=True, overdue_at__isnull=True, due_at__lte=now)
    said += sum(
        say_post_review_overdue(actor=actor, post_review_id=pk)
        for pk in late.order_by("due_at").values_list("pk", flat=True)[:500]
    )
    return said + sum(say_overdue(actor=actor, version=row, now=now) for row in unrecorded_overdue(now))


def schedule_re_reviews() -> int:
    """Set the due dates of what is in Production or under a protected alias to what the policies of today say; return how many changed."""
    actor = system_actor("schedule_re_reviews")
    versions = versions_to_schedule()
    due = due_dates(versions)
    changed = [row.pk for row in versions if row.review_due_at != due[row.pk]]
    return sum(set_review_due(actor=actor, version_id=pk, due_at=due[pk]) for pk in changed)


@transaction.atomic
def say_finding_overdue(*, actor: Actor, finding_id: int, now: datetime) -> bool:
    """Record that a finding is overdue; False where that is no longer so, or was said already."""
    row = lock_finding(finding_id)
    if row.state != FindingState.OPEN or row.overdue_at is not None or row.due_at is None or row.due_at > now:
        return False
    row.overdue_at = now
    row.save(update_fields=["overdue_at"])
    record(
        actor=actor,
        action=Action.APPROVALS_FINDING_FELL_DUE,
        obj=row,
        after={
            "title": row.title,
            "severity": row.severity,
            "due_at": row.due_at,
            "owner": row.owner.username if row.owner else "",
        },
    )
    return True
