"""Delegations of review rights, and the people whom each open request concerns."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q


class Delegation(models.Model):
    """A person delegates review rights to another one, for some models and some time. Only ``revoked_at`` is ever changed.

    The database refuses service accounts at either end, more than 90 days, and every other change.
    """

    delegator = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    delegate = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    models_pattern = models.CharField(max_length=256, default="*")
    reason = models.TextField()
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(delegator=F("delegate")), name="approvals_delegation_to_another"),
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="approvals_delegation_forward"),
            models.CheckConstraint(condition=~Q(reason=""), name="approvals_delegation_has_reason"),
        ]

    def __str__(self) -> str:
        return f"{self.delegator_id} to {self.delegate_id} for {self.models_pattern}"


class ConcernKind(models.TextChoices):
    """How an open request concerns somebody: they are asked to decide, or excluded from deciding."""

    ASKED = "asked"
    EXCLUDED = "excluded"


class Concern(models.Model):
    """Somebody whom an open request concerns, as of its cached verdict; the inbox finds requests by these rows.

    ``key`` of those asked is `group:NAME`, `role:LEVEL` (on the request's model) or `user:NAME` (an owner); of those excluded
    it is their username. Whether somebody may decide is computed afresh (approvals/permissions/reviews.py).
    """

    request = models.ForeignKey(
        "approvals.TransitionRequest", on_delete=models.CASCADE, related_name="concerns", db_index=False
    )
    kind = models.CharField(max_length=8, choices=ConcernKind)
    key = models.CharField(max_length=200)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["request", "kind", "key"], name="approvals_concern_once"),
            models.CheckConstraint(condition=Q(kind__in=ConcernKind.values), name="approvals_concern_kind"),
        ]
        indexes = [models.Index(fields=["kind", "key", "request"], name="approvals_concern_inbox")]

    def __str__(self) -> str:
        return f"#{self.request_id} {self.kind} {self.key}"
