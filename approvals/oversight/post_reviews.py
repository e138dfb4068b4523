"""Post-reviews: the review that has to follow every break-glass move.

The break-glass request, the second person's approval, the alarm (`approvals.glass.broken`) and the post-review are all
in the audit log. No permission skips them.
"""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from approvals.models import MAX_COMMENT, TransitionRequest
from approvals.models.oversight import Finding, PostReview, PostReviewOutcome
from approvals.oversight.findings import insert_finding
from approvals.oversight.locks import lock_post_review, lock_visible_post_review
from approvals.permissions.independent_reviews import approvers_of, refusal_to_complete_post_review
from approvals.permissions.refusal import deny_if
from audit.actions import Action
from audit.services import record
from audit.texts.owners import TextOf
from core.actors import Actor
from core.errors import InvalidInput, InvalidState
from policies.matching import load_revision
from policies.rules import Severity
from registry.names import check_text


def open_post_review(*, actor: Actor, request: TransitionRequest) -> PostReview:
    """Create the post-review of a break-glass move and record the alarm, in the transaction that moved the version.

    Return the post-review. Raises InvalidState when this server cannot read the policy.
    """
    now = timezone.now()
    row = PostReview.objects.create(
        request=request, requester=request.requester, broken_at=now, due_at=now + _time_allowed(request)
    )
    record(
        actor=actor,
        action=Action.APPROVALS_GLASS_BROKEN,
        obj=request,
        after={
            "version": request.version.version,
            "target": request.target,
            "requester": request.requester.username,
            "second_person": approvers_of(request),
            "post_review_due_at": row.due_at,
        },
        reason=TextOf(request.requester.username, request.comment),
    )
    return row


def _time_allowed(request: TransitionRequest) -> timedelta:
    """Return how long the post-review may take: the shortest time in the policies of the request."""
    revisions = [request.policy_revision, request.followed_revision, request.leave_revision]
    options = [load_revision(row).body.options.break_glass for row in revisions if row is not None]
    return min((option.post_review_within for option in options if option is not None), default=timedelta(0))


@transaction.atomic
def complete_post_review(*, actor: Actor, post_review_id: int, outcome: str, comment: str) -> PostReview:
    """Complete a post-review with its outcome, `justified` or `not_justified`, and return it.

    `not_justified` opens a finding of severity high. Raises NotFound, InvalidInput (outcome, comment), Denied
    (`refusal_to_complete_post_review`), InvalidState (it is completed already).
    """
    if outcome not in PostReviewOutcome.values:
        raise InvalidInput(f"The outcome must be {' or '.join(PostReviewOutcome.values)}.")
    text = check_text(comment.strip(), "comment", MAX_COMMENT)
    if not text:
        raise InvalidInput("A post-review needs a comment.")
    row = lock_visible_post_review(actor, post_review_id)
    deny_if(refusal_to_complete_post_review(actor, row))
    if row.completed_at is not None:
        raise InvalidState("This post-review is completed already.")
    row.outcome, row.comment = PostReviewOutcome(outcome), text
    row.completed_by, row.completed_at = User.objects.get(pk=actor.user_id or 0), timezone.now()
    row.save(update_fields=["outcome", "comment", "completed_by", "completed_at"])
    record(
        actor=actor,
        action=Action.APPROVALS_POST_REVIEW_COMPLETED,
        obj=row.request,
        after={"outcome": row.outcome, "late": row.completed_at > row.due_at},
        reason=text,
    )
    if outcome == PostReviewOutcome.NOT_JUSTIFIED:
        _open_finding(actor, row)
    return row


@transaction.atomic
def flag_overdue_post_review(*, actor: Actor, post_review_id: int) -> bool:
    """Record that a post-review is overdue and return True; return False if it is not, or was recorded before.

    Raises NotFound.
    """
    row = lock_post_review(post_review_id)
    now = timezone.now()
    if row.completed_at is not None or row.overdue_at is not None or row.due_at > now:
        return False
    row.overdue_at = now
    row.save(update_fields=["overdue_at"])
    record(
        actor=actor,
        action=Action.APPROVALS_POST_REVIEW_FELL_DUE,
        obj=row.request,
        after={"due_at": row.due_at, "requester": row.requester.username},
    )
    return True


def _open_finding(actor: Actor, row: PostReview) -> None:
    version = row.request.version
    finding = Finding(
        model=version.model,
        version=version,
        severity=Severity.HIGH.value,
        title=f"The emergency move to {row.request.target_text} was not justified",
        description=row.comment,
        opened_by=actor.name,
    )
    insert_finding(actor=actor, finding=finding)
