"""Append-only evidence: model cards, risk assessments and conformity packs."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from core.append_only import AppendOnlyModel
from registry.models.registered import RegisteredModel
from registry.models.versions import ModelVersion
from registry.questionnaire import TIERS


class CardRevision(AppendOnlyModel):
    """One revision of a model card. ``body`` maps each field to its value and source.

    ``digest`` is the SHA-256 of the canonical body. Revisions of a version are numbered from 1 and never change; the
    highest number is its current card.
    """

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="card_revisions", db_index=False)
    number = models.PositiveIntegerField()
    body = models.JSONField()
    digest = models.CharField(max_length=64)
    author = models.CharField(max_length=150)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "number"], name="registry_card_number")]

    def __str__(self) -> str:
        return f"card {self.number} of {self.version_id}"


class RiskAssessment(AppendOnlyModel):
    """The answers to the risk questionnaire for a model, and the tier computed from them.

    Assessments are numbered from 1 for each model, and the highest counts. ``questionnaire`` is the version that was
    answered. ``answers`` maps each question to the chosen option. ``reasons`` explained the tier at that time.
    """

    model = models.ForeignKey(
        RegisteredModel, on_delete=models.PROTECT, related_name="risk_assessments", db_index=False
    )
    number = models.PositiveIntegerField()
    questionnaire = models.PositiveIntegerField()
    answers = models.JSONField()
    score = models.PositiveIntegerField()
    tier = models.CharField(max_length=20)
    reasons = models.JSONField()
    rationale = models.TextField(default="", blank=True)
    author = models.CharField(max_length=150)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["model", "number"], name="registry_risk_number"),
            models.CheckConstraint(condition=Q(number__gte=1), name="registry_risk_from_one"),
            models.CheckConstraint(condition=Q(tier__in=TIERS), name="registry_risk_tier"),
        ]

    def __str__(self) -> str:
        return f"risk assessment {self.number} of {self.model_id}: {self.tier}"


class PackOrder(AppendOnlyModel):
    """The order of a conformity pack, written when a version reaches Production or a protected alias.

    ``pinned`` names the facts of that moment by number and digest, so that a worker can make the pack afterwards.
    Orders are numbered from 1 for each version. ``event_id`` is the event of the promotion.
    """

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="pack_orders", db_index=False)
    number = models.PositiveIntegerField()
    event_id = models.UUIDField(unique=True)
    promoted_at = models.DateTimeField()
    pinned = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "number"], name="registry_pack_number")]

    def __str__(self) -> str:
        return f"pack {self.number} of {self.version_id}"


class FrozenPack(AppendOnlyModel):
    """A finished conformity pack: a zip in the artifact store, stored under ``digest`` (SHA-256, hex)."""

    order = models.OneToOneField(PackOrder, on_delete=models.PROTECT, related_name="frozen")
    digest = models.CharField(max_length=64, db_index=True)
    size = models.PositiveBigIntegerField()
    manifest = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(size__gt=0), name="registry_pack_has_bytes")]

    def __str__(self) -> str:
        return f"sha256:{self.digest}"
