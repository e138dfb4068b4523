"""Models of approvals: requests, reviews, overrides, check runs, findings, post-reviews, re-reviews and retirements."""

from approvals.models.checks import (
    FINISHED_CHECKS,
    UNFINISHED_CHECKS,
    CheckEvidence,
    CheckKey,
    CheckRun,
    CheckState,
    ExternalResult,
)
from approvals.models.conditions import ApprovalCondition
from approvals.models.oversight import Finding, FindingOrigin, FindingState, PostReview, PostReviewOutcome, ReReview
from approvals.models.passkeys import PasskeySignature, passkey_signature_of
from approvals.models.pins import ClosingPin, PromotionPin
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
from approvals.models.retirements import Retirement, RetirementState
from approvals.models.reviewing import Delegation, InboxKey, InboxKeyKind

__all__ = [
    "FINISHED_CHECKS",
    "LIVE_STATES",
    "MAX_COMMENT",
    "UNFINISHED_CHECKS",
    "ApprovalComment",
    "ApprovalCondition",
    "CheckEvidence",
    "CheckKey",
    "CheckRun",
    "CheckState",
    "ClosingPin",
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
    "PasskeySignature",
    "PostReview",
    "PostReviewOutcome",
    "PromotionPin",
    "ReReview",
    "RequestState",
    "RequestView",
    "Retirement",
    "RetirementState",
    "Review",
    "TransitionRequest",
    "TransitionRequestQuerySet",
    "passkey_signature_of",
]
