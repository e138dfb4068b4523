"""Serializers of findings, post-reviews, re-reviews, rollbacks and aliases in /api/v1. Times are ISO 8601 in UTC."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from approvals.api.passkeys import PasskeyAnswerSerializer
from approvals.models import MAX_COMMENT
from approvals.models.oversight import Finding, FindingOrigin, FindingState, PostReview, PostReviewOutcome, ReReview
from approvals.oversight.findings import CLOSED_STATES, MAX_TEXT, MAX_TITLE
from core.rest import PeriodQuery
from policies.rules import Severity

_SEVERITIES = [level.value for level in Severity]
_MAX_VERSION = 2**31 - 1


class FindingSerializer(serializers.Serializer[Finding]):
    """A finding on a version; on the whole model if ``version`` is null."""

    id = serializers.IntegerField()
    model = serializers.CharField(source="model.name")
    version = serializers.IntegerField(allow_null=True, source="version.version", default=None)
    severity = serializers.CharField()
    title = serializers.CharField()
    description = serializers.CharField()
    origin = serializers.CharField(help_text="What opened it: person, quarantine, re_review, serving or condition.")
    cause = serializers.CharField()
    state = serializers.CharField()
    owner = serializers.CharField(source="owner.username", default="")
    due_at = serializers.DateTimeField(allow_null=True)
    is_overdue = serializers.SerializerMethodField()
    opened_by = serializers.CharField()
    opened_at = serializers.DateTimeField()
    resolution = serializers.CharField()
    closed_by = serializers.CharField()
    closed_at = serializers.DateTimeField(allow_null=True)

    def get_is_overdue(self, row: Finding) -> bool:
        """Return whether the finding is open and its due date has passed."""
        return row.state == FindingState.OPEN and row.overdue_at is not None


class FindingListSerializer(PeriodQuery):
    """Query parameters of a list of findings; ``since`` and ``until`` are about when they were opened."""

    state = serializers.ChoiceField(choices=[*FindingState.values, "overdue"], required=False, default="")
    severity = serializers.ChoiceField(choices=_SEVERITIES, required=False, default="")
    model = serializers.CharField(default="", allow_blank=True, max_length=256, trim_whitespace=False)
    owner = serializers.CharField(default="", allow_blank=True, max_length=150)
    version = serializers.IntegerField(required=False, min_value=1, max_value=_MAX_VERSION)
    origin = serializers.ChoiceField(choices=FindingOrigin.values, required=False)
    opened_by = serializers.CharField(required=False, max_length=150)
    closed_by = serializers.CharField(required=False, max_length=150)


class OpenFindingSerializer(serializers.Serializer[Any]):
    """Body of a call that opens a finding."""

    model = serializers.CharField(max_length=256, trim_whitespace=False)
    version = serializers.IntegerField(min_value=1, max_value=_MAX_VERSION, default=None, allow_null=True)
    severity = serializers.ChoiceField(choices=_SEVERITIES)
    title = serializers.CharField(max_length=MAX_TITLE)
    description = serializers.CharField(default="", allow_blank=True, max_length=MAX_TEXT)
    owner = serializers.CharField(default="", allow_blank=True, max_length=150)
    due_at = serializers.DateTimeField(default=None, allow_null=True)


class CloseFindingSerializer(serializers.Serializer[Any]):
    """Body of a call that closes a finding: the state and a comment."""

    state = serializers.ChoiceField(choices=list(CLOSED_STATES))
    comment = serializers.CharField(max_length=MAX_TEXT)


class AssignFindingSerializer(serializers.Serializer[Any]):
    """Body of an assignment: the owner and due date of a finding. Both are replaced."""

    owner = serializers.CharField(default="", allow_blank=True, max_length=150)
    due_at = serializers.DateTimeField(default=None, allow_null=True)
    comment = serializers.CharField(default="", allow_blank=True, max_length=MAX_TEXT)


class PostReviewSerializer(serializers.Serializer[PostReview]):
    """The post-review of a break-glass request."""

    id = serializers.IntegerField()
    request = serializers.IntegerField(source="request_id")
    model = serializers.CharField(source="request.version.model.name")
    version = serializers.IntegerField(source="request.version.version")
    target = serializers.CharField(source="request.target")
    requester = serializers.CharField(source="requester.username")
    reason = serializers.CharField(source="request.comment")
    broken_at = serializers.DateTimeField()
    due_at = serializers.DateTimeField()
    overdue_at = serializers.DateTimeField(allow_null=True)
    outcome = serializers.CharField(help_text="justified, not_justified, or empty while the review is due.")
    comment = serializers.CharField()
    completed_by = serializers.CharField(source="completed_by.username", default="")
    completed_at = serializers.DateTimeField(allow_null=True)


class PostReviewListSerializer(PeriodQuery):
    """Query parameters of a list of post-reviews; ``since`` and ``until`` are about when break-glass was used."""

    state = serializers.ChoiceField(choices=["open", "overdue", "completed"], required=False, default="")
    model = serializers.CharField(default="", allow_blank=True, max_length=256, trim_whitespace=False)
    requester = serializers.CharField(required=False, max_length=150)
    reviewer = serializers.CharField(required=False, max_length=150, help_text="Username of who completed it.")


class CompletePostReviewSerializer(serializers.Serializer[Any]):
    """Outcome of a post-review, with a comment."""

    outcome = serializers.ChoiceField(choices=PostReviewOutcome.values)
    comment = serializers.CharField(max_length=MAX_COMMENT)


class ReReviewSerializer(serializers.Serializer[ReReview]):
    """A re-review: a reviewer confirmed that a version may stay."""

    id = serializers.IntegerField()
    reviewer = serializers.CharField(source="reviewer.username")
    comment = serializers.CharField()
    artifact_digest = serializers.CharField()
    card_digest = serializers.CharField()
    was_due_at = serializers.DateTimeField()
    due_at = serializers.DateTimeField()
    given_at = serializers.DateTimeField()


class ConfirmSerializer(serializers.Serializer[Any]):
    """Body of a re-review: the comment."""

    comment = serializers.CharField(max_length=MAX_COMMENT)


class RollBackSerializer(serializers.Serializer[Any]):
    """Body of a rollback: the reason, and the version to bring back, by default the last one at the target."""

    reason = serializers.CharField(max_length=MAX_COMMENT)
    version = serializers.IntegerField(min_value=1, max_value=_MAX_VERSION, default=None, allow_null=True)
    target = serializers.CharField(max_length=256, default="Production")


class BreakGlassSerializer(serializers.Serializer[Any]):
    """Body of a break-glass request: the reason, the target, and whether to archive the present version there."""

    reason = serializers.CharField(max_length=MAX_COMMENT)
    target = serializers.CharField(max_length=256, default="Production")
    archive_existing = serializers.BooleanField(default=False)
    passkey = PasskeyAnswerSerializer(default=None, write_only=True)


class AliasRemovalSerializer(serializers.Serializer[Any]):
    """Query parameters of the removal of an alias: the reason."""

    reason = serializers.CharField(default="", allow_blank=True, max_length=MAX_COMMENT)


class AliasSerializer(serializers.Serializer[Any]):
    """The version an alias is to point at, with a comment."""

    version = serializers.IntegerField(min_value=1, max_value=_MAX_VERSION)
    comment = serializers.CharField(default="", allow_blank=True, max_length=MAX_COMMENT)
