"""Model of the conditions of an approval: what still has to be done, by whom and by when."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from approvals.models.requests import Review


class ApprovalCondition(models.Model):
    """A condition of an approving review. It becomes a finding when the request is applied.

    From ``due_at`` on the open finding blocks moves of the version. At ``expires_at``, where it is set, the version
    leaves its target if the finding is still open. ``reminded_at`` and ``expired_at`` are when the reminder and the
    expiry were recorded; the database refuses every other change.
    """

    review = models.ForeignKey(Review, on_delete=models.PROTECT, related_name="conditions")
    text = models.CharField(max_length=2000)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    due_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    reminded_at = models.DateTimeField(null=True, blank=True)
    expired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(text=""), name="approvals_condition_has_text"),
            models.CheckConstraint(
                condition=Q(expires_at__isnull=True) | Q(expires_at__gte=F("due_at")),
                name="approvals_condition_expires_after_due",
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], name="approvals_condition_due", condition=Q(reminded_at__isnull=True)),
            models.Index(
                fields=["expires_at"],
                name="approvals_condition_expiry",
                condition=Q(expires_at__isnull=False, expired_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"condition {self.pk}: {self.text[:60]}"

    @property
    def cause(self) -> str:
        """Return the `cause` of the finding of this condition."""
        return f"condition:{self.pk}"
