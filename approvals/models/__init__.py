"""The rows of governance."""

from approvals.models.checks import CheckEvidence, CheckKey, CheckRun, CheckState, ExternalResult
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
)
from approvals.models.reviewing import Concern, ConcernKind, Delegation

__all__ = [
    "LIVE_STATES",
    "MAX_COMMENT",
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
]
