"""Models of policies, their published revisions, proposals to change a policy, and reviews of proposals."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from core.append_only import AppendOnlyModel
from core.refs import EventObject, proposal_ref


class Policy(models.Model):
    """A named list of rules for a target and the models in its scope.

    ``target`` and ``models_pattern`` are copies of those in the newest revision, for list views and filters.
    """

    name = models.CharField(max_length=100, unique=True)
    target = models.CharField(max_length=256)
    models_pattern = models.CharField(max_length=256, default="*")
    is_active = models.BooleanField(default=True)

    class Meta:
        verbose_name_plural = "policies"

    def __str__(self) -> str:
        return self.name


class PolicyRevision(AppendOnlyModel):
    """A published body of a policy, which never changes. ``digest`` is the SHA-256 of the canonical body."""

    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="revisions", db_index=False)
    number = models.PositiveIntegerField()
    body = models.JSONField()
    digest = models.CharField(max_length=64)
    published_by = models.CharField(max_length=150)
    published_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["policy", "number"], name="policies_revision_number")]

    def __str__(self) -> str:
        return f"{self.policy} r{self.number}"


class ProposalKind(models.TextChoices):
    """The kind of a proposal: to publish a revision (of a new or existing policy), or to retire the policy."""

    PUBLISH = "publish"
    RETIRE = "retire"


class ProposalState(models.TextChoices):
    """The states of a proposal: open, then published, rejected, withdrawn or stale."""

    OPEN = "open"
    PUBLISHED = "published"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    STALE = "stale"


class PolicyProposal(models.Model):
    """A proposal to change a policy. The database refuses every change of its body.

    ``base_revision`` is the newest revision when it was proposed, None for a new policy; a revision published since
    makes the proposal stale. ``body_digest`` is the SHA-256 of the canonical body, as in revisions. ``digest`` covers
    kind, name, body and base; an approval contains it. A proposal to retire has the body of its base revision.
    """

    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=7, choices=ProposalKind, default=ProposalKind.PUBLISH)
    body = models.JSONField()
    body_digest = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)
    base_revision = models.ForeignKey(
        "policies.PolicyRevision", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    proposer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    comment = models.TextField(default="", blank=True)
    state = models.CharField(max_length=9, choices=ProposalState, default=ProposalState.OPEN)
    state_reason = models.CharField(max_length=1000, default="", blank=True)
    published_revision = models.OneToOneField(
        "policies.PolicyRevision", null=True, blank=True, on_delete=models.PROTECT, related_name="proposal"
    )
    opened_at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=ProposalState.values), name="policies_proposal_state"),
            models.CheckConstraint(condition=Q(kind__in=ProposalKind.values), name="policies_proposal_kind"),
            models.CheckConstraint(
                condition=Q(kind="publish") | Q(base_revision__isnull=False),
                name="policies_proposal_retires_something",
            ),
        ]
        indexes = [models.Index(fields=["name", "-id"], name="policies_proposal_name")]

    def __str__(self) -> str:
        return f"proposal {self.pk} of {self.name}"

    @property
    def event_object(self) -> EventObject:
        """Return the reference for audit events of this proposal, which are in no model's stream."""
        return EventObject(proposal_ref(self.pk))


class PolicyDecision(models.TextChoices):
    """The decision of a reviewer on a proposal."""

    APPROVE = "approve"
    REJECT = "reject"


class PolicyReview(AppendOnlyModel):
    """A review of a proposal, for one digest.

    The database refuses the proposer as reviewer, and the owner of a service account that proposed.
    """

    proposal = models.ForeignKey(PolicyProposal, on_delete=models.PROTECT, related_name="reviews", db_index=False)
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    decision = models.CharField(max_length=7, choices=PolicyDecision)
    comment = models.TextField()
    digest = models.CharField(max_length=64)
    given_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(decision__in=PolicyDecision.values), name="policies_policyreview_word"),
            models.CheckConstraint(condition=~Q(comment=""), name="policies_policyreview_comment"),
            models.UniqueConstraint(fields=["proposal", "reviewer"], name="policies_policyreview_once"),
        ]

    def __str__(self) -> str:
        return f"{self.decision} by {self.reviewer_id}"
