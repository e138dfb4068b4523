"""Re-reviews of versions in Production or under an alias: due dates, confirmations, and records of overdue ones."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from approvals.case.re_review_dates import (
    ReReviewDue,
    due_dates,
    re_reviews_due,
    re_reviews_for,
    strictest_consequence,
    without_overdue_event,
)
from approvals.models import MAX_COMMENT
from approvals.models.oversight import Finding, FindingOrigin, FindingState, ReReview
from approvals.oversight.findings import close_locked_finding, insert_finding
from approvals.permissions.independent_reviews import refusal_to_confirm_version
from approvals.permissions.refusal import deny_if
from audit.actions import Action
from audit.services import record
from core.actors import Actor, system_actor
from core.errors import InvalidInput, InvalidState
from policies.rules import Severity
from registry.locks import lock_model
from registry.models import ModelVersion
from registry.names import check_text
from registry.queries import current_card, get_version
from registry.services.review_due import set_review_due


def schedule_re_review(*, actor: Actor, version: ModelVersion) -> bool:
    """Set the due date of a version's next re-review, computed from its approval and the policies of today.

    Return whether the date has changed.
    """
    due = due_dates([version])[version.pk]
    return set_review_due(actor=actor, version_id=version.pk, due_at=due)


@transaction.atomic
def confirm_version(*, actor: Actor, name: str, version: int, comment: str) -> ReReview:
    """Record that the actor confirms that a version may stay, and return the re-review.

    This sets the next due date, and closes the findings that were opened because the re-review was overdue. Raises
    NotFound, InvalidInput (no comment), TooLarge, InvalidState (no policy asks for a re-review), Denied
    (`refusal_to_confirm_version`).
    """
    text = check_text(comment.strip(), "comment", MAX_COMMENT)
    if not text:
        raise InvalidInput("A re-review needs a comment.")
    lock_model(get_version(actor, name, version).model_id)
    row = get_version(actor, name, version)  # again, under the lock
    due = re_reviews_for(row)
    if not due or row.review_due_at is None:
        raise InvalidState(f"No policy asks for a re-review of {row}.")
    deny_if(refusal_to_confirm_version(actor, row, due))
    re_review = _insert(actor, row, row.review_due_at, due, text)
    set_review_due(actor=actor, version_id=row.pk, due_at=re_review.due_at)
    _close_findings(actor, row, text)
    return re_review


def _insert(
    actor: Actor, version: ModelVersion, was_due_at: datetime, due: Sequence[ReReviewDue], comment: str
) -> ReReview:
    now = timezone.now()
    re_review = ReReview(
        version=version,
        reviewer=User.objects.get(pk=actor.user_id or 0),
        comment=comment,
        artifact_digest=version.artifact_digest,
        card_digest=current_card(version).digest,
        was_due_at=was_due_at,
        due_at=now + min(review.option.every for review in due),
        given_at=now,
    )
    re_review.save()
    record(
        actor=actor,
        action=Action.APPROVALS_RE_REVIEW_GIVEN,
        obj=version,
        before={"review_due_at": was_due_at},
        after={
            "review_due_at": re_review.due_at,
            "artifact_digest": re_review.artifact_digest,
            "card_digest": re_review.card_digest,
            "policy": ", ".join(dict.fromkeys(review.policy.label for review in due)),
        },
        reason=comment,
    )
    return re_review


@transaction.atomic
def flag_overdue_re_review(*, actor: Actor, version: ModelVersion, now: datetime) -> bool:
    """Record that a re-review is overdue, once for each due date, and return True; return False if it is not overdue.

    A policy that flags or blocks overdue versions also opens a finding.
    """
    lock_model(version.model_id)
    row = ModelVersion.objects.select_related("model").get(pk=version.pk)
    reviews = re_reviews_due([row]).get(row.pk, [])
    if not (reviews or row.is_current) or not without_overdue_event([row], now):
        return False
    when_due = strictest_consequence(reviews, now)
    record(
        actor=actor,
        action=Action.APPROVALS_RE_REVIEW_FELL_DUE,
        obj=row,
        after={"review_due_at": row.review_due_at, "when_due": when_due},
    )
    if when_due != "warn":
        _open_finding(actor, row, when_due)
    return True


def _open_finding(actor: Actor, version: ModelVersion, when_due: str) -> None:
    due = version.review_due_at
    cause = f"re_review:{due:%Y-%m-%dT%H:%M:%S}"
    if Finding.objects.filter(version=version, cause=cause).exists():
        return
    more = " Until it is done, the version cannot be promoted again." if when_due == "block" else ""
    finding = Finding(
        model=version.model,
        version=version,
        severity=Severity.MEDIUM.value,
        title="The re-review is overdue",
        description=f"A re-review was due before {due:%Y-%m-%d %H:%M} UTC.{more}",
        origin=FindingOrigin.RE_REVIEW,
        cause=cause,
        opened_by=actor.name,
    )
    insert_finding(actor=actor, finding=finding)


def _close_findings(actor: Actor, version: ModelVersion, comment: str) -> None:
    """Close the findings that were opened because the re-review was overdue."""
    system = system_actor("confirm_version", on_behalf_of=actor.name)
    rows = Finding.objects.select_for_update(no_key=True, of=("self",)).filter(
        version=version, origin=FindingOrigin.RE_REVIEW, state=FindingState.OPEN
    )
    for row in rows:
        close_locked_finding(system, row, FindingState.RESOLVED, comment, closed_by=actor.name)
