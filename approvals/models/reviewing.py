"""Models about who decides: delegated review rights, and the keys by which the inbox finds its requests."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q


class Delegation(models.Model):
    """A person delegates their review rights to another person, for some models and some time.

    Only ``revoked_at`` is ever set later. The database refuses every other change, service accounts, and more than 90
    days.
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
    """Meaning of a key about people: their decision is needed, or they are excluded from deciding."""

    ASKED = "asked"
    EXCLUDED = "excluded"


class InboxKey(models.Model):
    """A key by which the inbox finds an open request, as of its last evaluation.

    ``key`` of those asked is `group:NAME`, `role:LEVEL` (on the request's model) or `user:NAME` (an owner); of those
    excluded it is their username. This is an index only: who may decide is computed (approvals/permissions/reviews.py).
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
