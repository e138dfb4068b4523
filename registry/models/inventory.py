"""The inventory: the owner and purpose of each model, and the periodic attestations of the owners."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from core.append_only import AppendOnlyModel
from registry.models.registered import RegisteredModel


class InventoryEntry(models.Model):
    """Owner and purpose of a model, and the state of its attestation. A model without an entry has none of these.

    ``attested_at`` is the time of the last attestation that counts. ``overdue_at`` is when the next one was recorded as
    overdue. ``retired_at`` is when the model was retired: from then on it takes no new version, move or deployment.
    """

    model = models.OneToOneField(RegisteredModel, on_delete=models.PROTECT, related_name="inventory")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    purpose = models.CharField(max_length=2000, default="", blank=True)
    attested_at = models.DateTimeField(null=True, blank=True)
    overdue_at = models.DateTimeField(null=True, blank=True)
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "inventory entries"

    def __str__(self) -> str:
        return f"inventory of {self.model_id}"


class ModelAttestation(AppendOnlyModel):
    """The answers of a model's owner to the three questions. The attestation counts when all answers are yes."""

    model = models.ForeignKey(RegisteredModel, on_delete=models.PROTECT, related_name="attestations")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    in_use = models.BooleanField()
    still_fit = models.BooleanField()
    documentation_true = models.BooleanField()
    comment = models.CharField(max_length=2000, default="", blank=True)
    attested_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(in_use=True, still_fit=True, documentation_true=True) | ~Q(comment=""),
                name="registry_attestation_no_says_why",
            ),
        ]

    def __str__(self) -> str:
        return f"attestation of {self.model_id} by {self.person_id}"

    @property
    def counts(self) -> bool:
        """Return whether all three answers are yes."""
        return self.in_use and self.still_fit and self.documentation_true
