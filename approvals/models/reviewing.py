"""Models about reviewers: delegations of review rights, and the keys by which the inbox finds requests."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q


class Delegation(models.Model):
    """A delegation of a person's review rights to another person, for matching models and a period of time.

    Only ``revoked_at`` is set later; the database refuses every other change. It also refuses service accounts and
    periods of more than 90 days.
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


class InboxKeyKind(models.TextChoices):
    """Meaning of an inbox key: the decision of these people is needed, or they are excluded from deciding."""

    ASKED = "asked"
    EXCLUDED = "excluded"


class InboxKey(models.Model):
    """A key by which the inbox finds an open request, as of the request's last evaluation.

    ``key`` of kind `asked` is `group:NAME`, `role:LEVEL` (on the request's model) or `user:NAME` (an owner); of kind
    `excluded` it is a username. This is only an index: approvals/permissions/reviews.py computes who may decide.
    """

    request = models.ForeignKey(
        "approvals.TransitionRequest", on_delete=models.CASCADE, related_name="inbox_keys", db_index=False
    )
    kind = models.CharField(max_length=8, choices=InboxKeyKind)
    key = models.CharField(max_length=200)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["request", "kind", "key"], name="approvals_inboxkey_once"),
            models.CheckConstraint(condition=Q(kind__in=InboxKeyKind.values), name="approvals_inboxkey_kind"),
        ]
        indexes = [models.Index(fields=["kind", "key", "request"], name="approvals_inboxkey_inbox")]

    def __str__(self) -> str:
        return f"#{self.request_id} {self.kind} {self.key}"
