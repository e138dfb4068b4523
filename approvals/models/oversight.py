"""Models of oversight after a move: findings, post-reviews of break-glass requests, and re-reviews.

Foreign keys to other models of `approvals.models` are strings, because that package imports this module.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from core.append_only import AppendOnlyModel
from core.refs import EventObject, finding_ref, model_stream
from policies.rules import Severity


class FindingState(models.TextChoices):
    """The state of a finding: open, or closed in one of three ways."""

    OPEN = "open"
    RESOLVED = "resolved"
    ACCEPTED = "accepted"
    FALSE_POSITIVE = "false_positive"


class FindingOrigin(models.TextChoices):
    """The origin of a finding: a person, a quarantine, an overdue re-review, a serving attestation, or a condition."""

    PERSON = "person"
    QUARANTINE = "quarantine"
    RE_REVIEW = "re_review"
    SERVING = "serving"
    CONDITION = "condition"


class Finding(models.Model):
    """A problem of a version, or of a whole model (no ``version``). Open findings may block a request (no_findings).

    A finding is closed once, with a comment. Apart from that only its owner and due date change, and it is never
    deleted; triggers enforce this. ``cause`` is what opened it, such as `quarantine:12`; a version has one finding for
    each cause. ``overdue_at`` is when the finding was recorded as overdue.
    """

    model = models.ForeignKey("registry.RegisteredModel", on_delete=models.PROTECT, related_name="findings")
    version = models.ForeignKey(
        "registry.ModelVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="findings"
    )
    severity = models.CharField(max_length=8, choices=[(level.value, level.name) for level in Severity])
    title = models.CharField(max_length=200)
    description = models.TextField(default="", blank=True)
    origin = models.CharField(max_length=10, choices=FindingOrigin, default=FindingOrigin.PERSON)
    cause = models.CharField(max_length=100, default="", blank=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    due_at = models.DateTimeField(null=True, blank=True)
    overdue_at = models.DateTimeField(null=True, blank=True)
    state = models.CharField(max_length=14, choices=FindingState, default=FindingState.OPEN)
    opened_by = models.CharField(max_length=150)
    opened_at = models.DateTimeField()
    resolution = models.TextField(default="", blank=True)
    closed_by = models.CharField(max_length=150, default="", blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(severity__in=[level.value for level in Severity]), name="approvals_finding_severity"
            ),
            models.CheckConstraint(condition=Q(state__in=FindingState.values), name="approvals_finding_state"),
            models.CheckConstraint(condition=Q(origin__in=FindingOrigin.values), name="approvals_finding_origin"),
            models.CheckConstraint(condition=~Q(title=""), name="approvals_finding_has_title"),
            models.CheckConstraint(
                condition=Q(state=FindingState.OPEN, closed_at__isnull=True, closed_by="", resolution="")
                | (~Q(state=FindingState.OPEN) & Q(closed_at__isnull=False) & ~Q(closed_by="") & ~Q(resolution="")),
                name="approvals_finding_closed_whole",
            ),
            models.UniqueConstraint(
                fields=["version", "cause"], condition=~Q(cause=""), name="approvals_finding_one_per_cause"
            ),
        ]
        indexes = [
            models.Index(fields=["state", "-opened_at"], name="approvals_finding_list"),
            models.Index(
                fields=["due_at"],
                name="approvals_finding_due",
                condition=Q(state="open", due_at__isnull=False, overdue_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"finding {self.pk}: {self.title}"

    @property
    def event_object(self) -> EventObject:
        """Return the reference for audit events of this finding."""
        return EventObject(finding_ref(self.pk), model_stream(self.model_id))


class PostReviewOutcome(models.TextChoices):
    """The outcome of a post-review."""

    JUSTIFIED = "justified"
    NOT_JUSTIFIED = "not_justified"


class PostReview(models.Model):
    """The review that has to follow a break-glass move. Each such request has one, and it is completed once.

    ``broken_at`` is when the version was moved. The requester cannot complete the review, and nobody can delete it: the
    database enforces both.
    """

    request = models.OneToOneField("approvals.TransitionRequest", on_delete=models.PROTECT, related_name="post_review")
    requester = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    broken_at = models.DateTimeField()
    due_at = models.DateTimeField()
    overdue_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=13, choices=PostReviewOutcome, default="", blank=True)
    comment = models.TextField(default="", blank=True)
    completed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    completed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(completed_at__isnull=True, completed_by__isnull=True, outcome="", comment="")
                | (
                    Q(completed_at__isnull=False, completed_by__isnull=False)
                    & Q(outcome__in=PostReviewOutcome.values)
                    & ~Q(comment="")
                ),
                name="approvals_postreview_whole",
            ),
            models.CheckConstraint(condition=~Q(completed_by=F("requester")), name="approvals_postreview_not_own"),
        ]
        indexes = [
            models.Index(fields=["due_at"], name="approvals_postreview_due", condition=Q(completed_at__isnull=True))
        ]

    def __str__(self) -> str:
        return f"post-review of #{self.request_id}"


class ReReview(AppendOnlyModel):
    """A reviewer has confirmed that a version may stay at its targets; the next re-review is due at ``due_at``."""

    version = models.ForeignKey("registry.ModelVersion", on_delete=models.PROTECT, related_name="re_reviews")
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    comment = models.TextField()
    artifact_digest = models.CharField(max_length=80, default="", blank=True)
    card_digest = models.CharField(max_length=64, default="", blank=True)
    was_due_at = models.DateTimeField()
    due_at = models.DateTimeField()
    given_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(comment=""), name="approvals_rereview_has_comment"),
            models.CheckConstraint(condition=Q(due_at__gt=F("given_at")), name="approvals_rereview_ahead"),
        ]
        indexes = [models.Index(fields=["version", "-given_at"], name="approvals_rereview_latest")]

    def __str__(self) -> str:
        return f"re-review of {self.version_id} until {self.due_at:%Y-%m-%d}"
