"""Models of transition requests, and of the reviews, overrides and comments that people add to them."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from core.append_only import AppendOnlyModel
from core.refs import EventObject, model_stream, request_ref
from policies.models import PolicyRevision
from policies.request_kinds import RequestKind
from policies.targets import move_text, moved_text, target_text
from registry.models import ModelVersion
from registry.stages import Stage

# The columns of an electronic signature are all set or all empty.
_SIGNED_WHOLE = Q(meaning="", printed_name="", signed_at__isnull=True) | (
    ~Q(meaning="") & ~Q(printed_name="") & Q(signed_at__isnull=False)
)

# The most characters that a comment or a reason may have.
MAX_COMMENT = 10_000


class RequestState(models.TextChoices):
    """Open, approved, or closed in one of five ways. The transitions are in approvals/requests/states.py."""

    OPEN = "open"
    APPROVED = "approved"
    APPLIED = "applied"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    STALE = "stale"


LIVE_STATES = (RequestState.OPEN, RequestState.APPROVED)


def request_path(request_id: int) -> str:
    """Return the path of the page of a request."""
    return f"/admin/approvals/transitionrequest/{request_id}/change/"


class TransitionRequestQuerySet(models.QuerySet["TransitionRequest"]):
    """Queries on transition requests."""

    def with_relations(self) -> Self:
        """Return the requests joined with the related rows that a case and the page of a request need, in one query."""
        return self.select_related(
            "version__model__inventory",
            "requester",
            "policy_revision__policy",
            "followed_revision__policy",
            "leave_revision__policy",
        )


class TransitionRequest(models.Model):
    """A request to move a version to a target: a stage, or an @alias.

    ``policy_revision`` is the revision that governed when the request was opened. ``followed_revision`` is the newest
    revision whose rules the request also has to meet since. ``leave_revision`` is that of the policy on leaving whose
    rules are added, where the move also leaves Production or an alias. ``subject_digest`` is that of the last
    evaluation. An approved request is not applied before ``apply_after``.

    ``archive_left_open``: the requester did not say whether the replaced version is archived, so the first approver
    decides. ``refusal_digest`` identifies the last recorded refusal, so that a script that repeats the same call leaves
    one event. ``cached_verdict`` is the verdict as of ``verdict_cached_at``, for list views; at ``recheck_at`` it may
    change by time alone. ``reminded_at`` is the last reminder.
    """

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="transition_requests")
    source = models.CharField(max_length=10, choices=Stage.choices)
    target = models.CharField(max_length=256)
    kind = models.CharField(
        max_length=11, choices=[(kind.value, kind.name) for kind in RequestKind], default=RequestKind.PROMOTION.value
    )
    requester = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    comment = models.TextField(default="", blank=True)
    archive_existing = models.BooleanField(default=False)
    archive_left_open = models.BooleanField(default=False)
    policy_revision = models.ForeignKey(PolicyRevision, on_delete=models.PROTECT, related_name="requests")
    followed_revision = models.ForeignKey(
        PolicyRevision, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    leave_revision = models.ForeignKey(
        PolicyRevision, null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    subject_digest = models.CharField(max_length=64)
    state = models.CharField(max_length=9, choices=RequestState, default=RequestState.OPEN)
    state_reason = models.CharField(max_length=1000, default="", blank=True)
    refusal_digest = models.CharField(max_length=64, default="", blank=True)
    opened_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    apply_after = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    cached_verdict = models.JSONField(null=True, blank=True)
    verdict_cached_at = models.DateTimeField(null=True, blank=True)
    recheck_at = models.DateTimeField(null=True, blank=True)
    reminded_at = models.DateTimeField(null=True, blank=True)

    objects = TransitionRequestQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["version", "target"],
                condition=Q(state__in=["open", "approved"]),
                name="approvals_one_live_request",
            ),
            models.CheckConstraint(condition=Q(state__in=RequestState.values), name="approvals_request_state"),
            models.CheckConstraint(
                condition=Q(kind__in=[kind.value for kind in RequestKind]), name="approvals_request_kind"
            ),
        ]
        indexes = [
            models.Index(fields=["state", "-opened_at"], name="approvals_request_inbox"),
            models.Index(fields=["recheck_at"], name="approvals_request_recheck", condition=Q(state="open")),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.version} → {self.target_text}"

    @property
    def target_text(self) -> str:
        """Return the target as text: `Production`, `@champion`, `no longer @champion`."""
        return target_text(self.target)

    @property
    def move_text(self) -> str:
        """Return the move as a verb phrase: `move this version to Staging`, `remove @champion from this version`."""
        return move_text(self.target)

    @property
    def moved_text(self) -> str:
        """Return the move in the past tense: `moved to Staging`, `was archived`, `no longer has @champion`."""
        return moved_text(self.target)

    @property
    def event_object(self) -> EventObject:
        """Return the reference for audit events of this request."""
        return EventObject(request_ref(self.pk), model_stream(self.version.model_id))


class Decision(models.TextChoices):
    """The decision of a review."""

    APPROVE = "approve"
    REJECT = "reject"
    REQUEST_CHANGES = "request_changes"


class Review(AppendOnlyModel):
    """A reviewer's decision on one subject digest. The database refuses changes, and the requester as reviewer.

    ``subject_parts`` are the hashes of the parts of the subject. A policy can let an approval count although some parts
    have changed. ``on_behalf_of`` is the person who delegated their review rights. An electronic signature adds its
    meaning, the printed name and the time when the signer gave their password (21 CFR 11.50, 11.200).
    """

    request = models.ForeignKey(TransitionRequest, on_delete=models.PROTECT, related_name="reviews")
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    decision = models.CharField(max_length=15, choices=Decision)
    comment = models.TextField()
    subject_digest = models.CharField(max_length=64)
    subject_parts = models.JSONField(default=dict, blank=True)
    on_behalf_of = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    meaning = models.CharField(max_length=200, default="", blank=True)
    printed_name = models.CharField(max_length=300, default="", blank=True)
    signed_at = models.DateTimeField(null=True, blank=True)
    given_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(decision__in=Decision.values), name="approvals_review_decision"),
            models.CheckConstraint(condition=~Q(comment=""), name="approvals_review_has_comment"),
            models.CheckConstraint(condition=_SIGNED_WHOLE, name="approvals_review_signed_whole"),
            models.CheckConstraint(
                condition=Q(on_behalf_of__isnull=True) | ~Q(on_behalf_of=F("reviewer")),
                name="approvals_review_for_another",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.decision} by {self.reviewer_id}"


class Override(AppendOnlyModel):
    """An override of a soft rule for one subject digest, with a reason, by a member of a group that the rule names."""

    request = models.ForeignKey(TransitionRequest, on_delete=models.PROTECT, related_name="overrides")
    rule = models.CharField(max_length=110)
    given_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField()
    subject_digest = models.CharField(max_length=64)
    meaning = models.CharField(max_length=200, default="", blank=True)
    printed_name = models.CharField(max_length=300, default="", blank=True)
    signed_at = models.DateTimeField(null=True, blank=True)
    given_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(reason=""), name="approvals_override_has_reason"),
            models.CheckConstraint(condition=_SIGNED_WHOLE, name="approvals_override_signed_whole"),
            models.UniqueConstraint(
                fields=["request", "rule", "given_by", "subject_digest"], name="approvals_override_once"
            ),
        ]

    @property
    def withdrawn(self) -> OverrideWithdrawal | None:
        """Return the withdrawal of this override, None while it is in force.

        Read with ``select_related("withdrawal")``.
        """
        return getattr(self, "withdrawal", None)

    def __str__(self) -> str:
        return f"{self.rule} of #{self.request_id} overridden by {self.given_by_id}"


class OverrideWithdrawal(AppendOnlyModel):
    """The withdrawal of an override, with a reason. From then on the override has no effect."""

    override = models.OneToOneField("approvals.Override", on_delete=models.PROTECT, related_name="withdrawal")
    withdrawn_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField()
    withdrawn_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(reason=""), name="approvals_override_withdrawal_has_reason"),
        ]

    def __str__(self) -> str:
        return f"override {self.override_id} withdrawn by {self.withdrawn_by_id}"


class RequestView(models.Model):
    """The subject digest of a request when an API last listed the request to a person.

    An approval through an API without a subject digest covers this state (decision 0013).
    """

    request = models.ForeignKey(TransitionRequest, on_delete=models.CASCADE, related_name="+", db_index=False)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    subject_digest = models.CharField(max_length=64)
    viewed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["request", "person"], name="approvals_request_view_once")]

    def __str__(self) -> str:
        return f"#{self.request_id} as {self.person_id} saw it last"


class ApprovalComment(models.Model):
    """A comment on a version, outside of reviews. A CommentRevision keeps the text before an edit.

    ``reply_to`` is a comment on the same version; a trigger enforces this.
    """

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="comments")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reply_to = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="replies")
    text = models.TextField()
    created_at = models.DateTimeField()
    edited_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=~Q(text=""), name="approvals_comment_has_text")]

    def __str__(self) -> str:
        return f"comment {self.pk} on {self.version_id}"

    @property
    def event_object(self) -> EventObject:
        """Return the reference for audit events of this comment: its version."""
        return self.version.event_object


class CommentRevision(AppendOnlyModel):
    """The text of a comment before an edit, which replaced it at ``replaced_at``.

    For a long text the audit event of the edit has only a digest.
    """

    comment = models.ForeignKey(ApprovalComment, on_delete=models.PROTECT, related_name="revisions")
    text = models.TextField()
    replaced_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"earlier text of comment {self.comment_id}"
