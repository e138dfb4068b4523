"""The two scheduled jobs of oversight: recording what is overdue, and setting the due dates of re-reviews."""

from __future__ import annotations

from datetime import datetime

from approvals.case.re_review_dates import due_dates, unrecorded_overdue, versions_to_schedule
from approvals.oversight.conditions import expire_conditions, remind_conditions
from approvals.oversight.finding_queries import overdue_findings
from approvals.oversight.findings import flag_overdue_finding
from approvals.oversight.post_review_queries import overdue_post_reviews
from approvals.oversight.post_reviews import flag_overdue_post_review
from approvals.oversight.re_reviews import flag_overdue_re_review
from core.actors import system_actor
from core.sweeps import for_each
from registry.inventory import unrecorded_overdue_attestations
from registry.services.inventory import flag_overdue_attestation
from registry.services.review_due import set_review_due


def flag_overdue(now: datetime) -> int:
    """Record once every finding, post-review, re-review and attestation that is overdue at ``now``.

    Also remind the owners of conditions that are due soon, and end the approvals whose condition has expired. Return
    how many of all these there were.
    """
    actor = system_actor("flag_overdue")
    model_ids = list(unrecorded_overdue_attestations(now).values_list("pk", flat=True)[:500])
    flagged = (
        for_each(
            overdue_findings(now),
            lambda pk: flag_overdue_finding(actor=actor, finding_id=pk, now=now),
            failure="a finding was not recorded as overdue",
        ),
        for_each(
            overdue_post_reviews(now),
            lambda pk: flag_overdue_post_review(actor=actor, post_review_id=pk),
            failure="a post-review was not recorded as overdue",
        ),
        for_each(
            unrecorded_overdue(now),
            lambda row: flag_overdue_re_review(actor=actor, version=row, now=now),
            failure="a re-review was not recorded as overdue",
        ),
        for_each(
            model_ids,
            lambda pk: flag_overdue_attestation(actor=actor, model_id=pk, now=now),
            failure="an attestation was not recorded as overdue",
        ),
        for_each((remind_conditions, expire_conditions), lambda job: job(now), failure="conditions were not looked at"),
    )
    return sum(flagged)


def schedule_re_reviews() -> int:
    """Set the due dates of re-reviews under the policies of today. Return how many versions got a new date."""
    actor = system_actor("schedule_re_reviews")
    versions = versions_to_schedule()
    due = due_dates(versions)
    changed = [row.pk for row in versions if row.review_due_at != due[row.pk]]
    return for_each(
        changed,
        lambda pk: set_review_due(actor=actor, version_id=pk, due_at=due[pk]),
        failure="the due date of a re-review was not set",
    )
