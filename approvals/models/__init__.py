"""Models of approvals."""

from approvals.models.checks import (
    FINISHED_CHECKS,
    UNFINISHED_CHECKS,
    CheckEvidence,
    CheckKey,
    CheckRun,
    CheckState,
    ExternalResult,
)
from approvals.models.oversight import Finding, FindingOrigin, FindingState, PostReview, PostReviewOutcome, ReReview
from approvals.models.requests import (
    LIVE_STATES,
    MAX_COMMENT,
    ApprovalComment,
    CommentRevision,
    Decision,
    Override,
    OverrideWithdrawal,
    RequestState,
    RequestView,
    Review,
    TransitionRequest,
    TransitionRequestQuerySet,
)
from approvals.models.reviewing import Delegation, InboxKey, InboxKeyKind

__all__ = [
    "FINISHED_CHECKS",
    "LIVE_STATES",
    "MAX_COMMENT",
    "UNFINISHED_CHECKS",
    "ApprovalComment",
    "CheckEvidence",
    "CheckKey",
    "CheckRun",
    "CheckState",
    "CommentRevision",
    "Decision",
    "Delegation",
    "ExternalResult",
    "Finding",
    "FindingOrigin",
    "FindingState",
    "InboxKey",
    "InboxKeyKind",
    "Override",
    "OverrideWithdrawal",
    "PostReview",
    "PostReviewOutcome",
    "ReReview",
    "RequestState",
    "RequestView",
    "Review",
    "TransitionRequest",
    "TransitionRequestQuerySet",
]
