"""Model of requests to retire a registered model."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q


class RetirementState(models.TextChoices):
    """The state of a request to retire a model: open, or closed in one of three ways."""

    OPEN = "open"
    RETIRED = "retired"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class Retirement(models.Model):
    """A request to retire a model. A second person decides on it.

    ``evidence_digest`` is the SHA-256 of the evidence file that is stored when the model is retired.
    """

    model = models.ForeignKey("registry.RegisteredModel", on_delete=models.PROTECT, related_name="retirements")
    requester = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField()
    state = models.CharField(max_length=9, choices=RetirementState, default=RetirementState.OPEN)
    opened_at = models.DateTimeField(auto_now_add=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    comment = models.TextField(default="", blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    evidence_digest = models.CharField(max_length=64, default="", blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["model"], condition=Q(state="open"), name="approvals_one_open_retirement"),
            models.CheckConstraint(condition=~Q(reason=""), name="approvals_retirement_has_reason"),
            models.CheckConstraint(condition=Q(state__in=RetirementState.values), name="approvals_retirement_state"),
            models.CheckConstraint(
                condition=Q(state__in=["open", "withdrawn"])
                | (Q(decided_by__isnull=False) & ~Q(decided_by=F("requester"))),
                name="approvals_retirement_second_person",
            ),
            models.CheckConstraint(
                condition=~Q(state="retired") | ~Q(evidence_digest=""), name="approvals_retirement_has_evidence"
            ),
        ]

    def __str__(self) -> str:
        return f"retirement {self.pk} of {self.model_id}: {self.state}"
