"""The rows of governance."""

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
    Decision,
    FormerWords,
    Override,
    OverrideWithdrawal,
    RequestState,
    Review,
    ShownSubject,
    TransitionRequest,
    TransitionRequestQuerySet,
)
from approvals.models.reviewing import Concern, ConcernKind, Delegation

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
    "Concern",
    "ConcernKind",
    "Decision",
    "Delegation",
    "ExternalResult",
    "Finding",
    "FindingOrigin",
    "FindingState",
    "FormerWords",
    "Override",
    "OverrideWithdrawal",
    "PostReview",
    "PostReviewOutcome",
    "ReReview",
    "RequestState",
    "Review",
    "ShownSubject",
    "TransitionRequest",
    "TransitionRequestQuerySet",
]
