"""Breaking the glass: a move past the policy in an emergency, by the people whom the policy names, seen by everybody.

Nothing here is silent: the request, the second person's approval, the alarm (`approvals.glass.broken`) and the review that is
owed afterwards are all on the record, and no permission does without them.
"""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from approvals.models import MAX_COMMENT, TransitionRequest
from approvals.models.oversight import Finding, PostReview, PostReviewOutcome
from approvals.oversight.findings import add_finding
from approvals.oversight.locks import lock_post_review, lock_visible_post_review
from approvals.permissions.independent_reviews import approvers_of, refusal_to_complete_post_review
from approvals.permissions.oversight import refusal_to_break_glass
from approvals.permissions.refusal import deny_if
from audit.actions import Action
from audit.services import record
from core.actors import Actor
from core.errors import InvalidInput, InvalidState
from policies.matching import LoadedPolicy, load_revision
from policies.rules import Severity
from registry.models import ModelVersion
from registry.names import check_text

# An emergency does not wait for two weeks.
LIVES_FOR = timedelta(hours=24)


def require_may_break(actor: Actor, version: ModelVersion, policy: LoadedPolicy, reason: str) -> None:
    """Refuse whoever may not break the glass here: InvalidState where the policy has none, Denied, InvalidInput (no reason)."""
    option = policy.body.options.break_glass
    if option is None:
        raise InvalidState(f"{policy.label} has no way past it: breaking the glass is not possible here.")
    deny_if(refusal_to_break_glass(actor, version, option))
    if not reason.strip():
        raise InvalidInput("Breaking the glass needs a reason.")


def owe_post_review(*, actor: Actor, request: TransitionRequest) -> PostReview:
    """Raise the alarm and set the review that is owed, in the transaction that moved the version."""
    now = timezone.now()
    made = PostReview.objects.create(
        request=request, requester=request.requester, broken_at=now, due_at=now + _within(request)
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
            "post_review_due_at": made.due_at,
        },
        reason=request.comment,
    )
    return made


def _within(request: TransitionRequest) -> timedelta:
    """Return how long the post-review may take: the shortest that a policy this request is under says."""
    revisions = [request.policy_revision, request.followed_revision]
    options = [load_revision(row).body.options.break_glass for row in revisions if row is not None]
    return min((option.post_review_within for option in options if option is not None), default=timedelta(0))


@transaction.atomic
def complete_post_review(*, actor: Actor, post_review_id: int, outcome: str, comment: str) -> PostReview:
    """Record what the review after an emergency came to: justified or not_justified (which opens a finding).

    By a person who could review the version under its policy, or is of the groups that may break the glass, and who was
    neither the requester nor the second person. Raises NotFound, InvalidInput, InvalidState (completed already), Denied.
    """
    if outcome not in PostReviewOutcome.values:
        raise InvalidInput(f"The outcome is {' or '.join(PostReviewOutcome.values)}.")
    words = check_text(comment.strip(), "comment", MAX_COMMENT)
    if not words:
        raise InvalidInput("A post-review needs a comment.")
    row = lock_visible_post_review(actor, post_review_id)
    deny_if(refusal_to_complete_post_review(actor, row))
    if row.completed_at is not None:
        raise InvalidState("This post-review is completed already.")
    row.outcome, row.comment = PostReviewOutcome(outcome), words
    row.completed_by, row.completed_at = User.objects.get(pk=actor.user_id or 0), timezone.now()
    row.save(update_fields=["outcome", "comment", "completed_by", "completed_at"])
    record(
        actor=actor,
        action=Action.APPROVALS_POST_REVIEW_COMPLETED,
        obj=row.request,
        after={"outcome": row.outcome, "late": row.completed_at > row.due_at},
        reason=words,
    )
    if outcome == PostReviewOutcome.NOT_JUSTIFIED:
        _open_finding(actor, row)
    return row


@transaction.atomic
def say_post_review_overdue(*, actor: Actor, post_review_id: int) -> bool:
    """Record that a post-review is overdue, once; False where it is not, or was recorded before. NotFound."""
    row = lock_post_review(post_review_id)
    request = row.request
    now = timezone.now()
    if row.completed_at is not None or row.overdue_at is not None or row.due_at > now:
        return False
    row.overdue_at = now
    row.save(update_fields=["overdue_at"])
    record(
        actor=actor,
        action=Action.APPROVALS_POST_REVIEW_FELL_DUE,
        obj=request,
        after={"due_at": row.due_at, "requester": request.requester.username},
    )
    return True


def _open_finding(actor: Actor, row: PostReview) -> None:
    version = row.request.version
    finding = Finding(
        model=version.model,
        version=version,
        severity=Severity.HIGH.value,
        title=f"Its emergency move to {row.request.target} was not justified",
        description=row.comment,
        opened_by=actor.name,
    )
    add_finding(actor=actor, finding=finding)
