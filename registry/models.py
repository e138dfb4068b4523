"""Registered models, their versions, aliases and cards, and the endpoints that serve them."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from guardian.models import GroupObjectPermissionBase, UserObjectPermissionBase

from core.append_only import AppendOnlyModel
from core.refs import EventObject, deployment_ref, model_ref, model_stream, version_ref
from registry.questionnaire import TIERS
from registry.stages import Stage


class RegisteredModel(models.Model):
    """A name under which versions are kept. ``created_by`` is a username as it was.

    ``name_key`` is the name with everything taken off that a reader could overlook (registry/names.py): no two models
    may differ only in that.
    """

    name = models.CharField(max_length=256)
    name_key = models.CharField(max_length=256)
    description = models.TextField(default="", blank=True)
    created_by = models.CharField(max_length=150, default="", blank=True)
    created_ms = models.BigIntegerField()
    updated_ms = models.BigIntegerField()
    # Numbers of deleted versions are not given again.
    last_version = models.PositiveIntegerField(default=0)
    # Deleting hides; requests, reviews and events keep pointing at what was.
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["name"], condition=Q(deleted_at__isnull=True), name="registry_model_name"),
            models.UniqueConstraint(
                fields=["name_key"], condition=Q(deleted_at__isnull=True), name="registry_model_name_key"
            ),
        ]
        permissions = [
            ("edit_model", "Can log to and edit this model"),
            ("manage_staging_versions", "Can move this model's versions outside Production"),
            ("manage_production_versions", "Can move this model's versions between any stages"),
            ("manage_model", "Can manage this model"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def event_object(self) -> EventObject:
        """Return how events name this model."""
        return EventObject(model_ref(self.name), model_stream(self.pk))


class ModelUserGrant(UserObjectPermissionBase):
    """What a user may do with one model, by a plain foreign key (registry/permissions.py reads it)."""

    content_object = models.ForeignKey(RegisteredModel, on_delete=models.CASCADE)


class ModelGroupGrant(GroupObjectPermissionBase):
    """What a group may do with one model."""

    content_object = models.ForeignKey(RegisteredModel, on_delete=models.CASCADE)


class RegisteredModelTag(models.Model):
    model = models.ForeignKey(RegisteredModel, on_delete=models.CASCADE, related_name="tags", db_index=False)
    key = models.CharField(max_length=250)
    value = models.TextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["model", "key"], name="registry_modeltag_key")]

    def __str__(self) -> str:
        return f"{self.key}={self.value}"


class ModelVersion(models.Model):
    """One immutable model. ``stage`` is written by registry/services/stages.py alone.

    ``is_current`` marks the one version that readers of Production get. A superseded version may keep its stage for the
    policy's rollback window (until ``archive_after``; never archived by itself when that is empty), but never the mark.
    ``artifact_path`` is the sealed folder, ``artifact_digest`` what it held; both are empty for bytes kept elsewhere.
    ``copied_from`` is the version whose artifacts this one was made from by `models:/name/version`.
    """

    model = models.ForeignKey(RegisteredModel, on_delete=models.CASCADE, related_name="versions", db_index=False)
    version = models.PositiveIntegerField()
    stage = models.CharField(max_length=10, choices=Stage.choices, default=Stage.NONE)
    is_current = models.BooleanField(default=False)
    description = models.TextField(default="", blank=True)
    source = models.CharField(max_length=1000)
    run_id = models.CharField(max_length=32, default="", blank=True, db_index=True)
    run_link = models.CharField(max_length=1000, default="", blank=True)
    logged_model_id = models.CharField(max_length=40, default="", blank=True)
    artifact_path = models.CharField(max_length=1000, default="", blank=True)
    artifact_digest = models.CharField(max_length=80, default="", blank=True)
    copied_from = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="copies")
    created_by = models.CharField(max_length=150, default="", blank=True)
    created_ms = models.BigIntegerField()
    updated_ms = models.BigIntegerField()
    # Of the last stage change: who, when, and on whose approval.
    staged_by = models.CharField(max_length=150, default="", blank=True)
    staged_at = models.DateTimeField(null=True, blank=True)
    approved_by = models.CharField(max_length=500, default="", blank=True)
    approved_at = models.DateTimeField(null=True, blank=True)
    superseded_at = models.DateTimeField(null=True, blank=True)
    superseded_by = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="supersedes"
    )
    archive_after = models.DateTimeField(null=True, blank=True)
    # When a version in Production has to be reviewed again, where its policy says so.
    review_due_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["model", "version"], name="registry_version_number"),
            models.UniqueConstraint(fields=["model"], condition=Q(is_current=True), name="registry_one_current"),
            models.CheckConstraint(
                condition=Q(is_current=False) | Q(stage=Stage.PRODUCTION), name="registry_current_is_production"
            ),
            models.CheckConstraint(condition=Q(stage__in=Stage.values), name="registry_version_stage"),
            models.CheckConstraint(condition=~Q(superseded_by=F("id")), name="registry_not_superseded_by_self"),
            models.CheckConstraint(
                condition=Q(superseded_at__isnull=True, superseded_by__isnull=True)
                | Q(superseded_at__isnull=False, superseded_by__isnull=False),
                name="registry_superseded_whole",
            ),
            models.CheckConstraint(
                condition=Q(is_current=False) | Q(superseded_at__isnull=True, deleted_at__isnull=True),
                name="registry_current_not_superseded",
            ),
            models.CheckConstraint(
                condition=Q(archive_after__isnull=True)
                | Q(superseded_at__isnull=False, stage=Stage.PRODUCTION, is_current=False),
                name="registry_archive_after_superseded",
            ),
        ]
        indexes = [
            models.Index(fields=["model", "stage", "-version"], name="registry_version_stage_idx"),
            models.Index(
                fields=["archive_after"], name="registry_version_due", condition=Q(archive_after__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model} v{self.version}"

    @property
    def event_object(self) -> EventObject:
        """Return how events name this version."""
        return EventObject(version_ref(self.model.name, self.version), model_stream(self.model_id))


class ModelVersionTag(models.Model):
    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="tags", db_index=False)
    key = models.CharField(max_length=250)
    value = models.TextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "key"], name="registry_versiontag_key")]

    def __str__(self) -> str:
        return f"{self.key}={self.value}"


class Alias(models.Model):
    """A movable name for a version."""

    model = models.ForeignKey(RegisteredModel, on_delete=models.CASCADE, related_name="aliases", db_index=False)
    name = models.CharField(max_length=255)
    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="aliases")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["model", "name"], name="registry_alias_name")]
        verbose_name_plural = "aliases"

    def __str__(self) -> str:
        return f"@{self.name}"


class CardRevision(models.Model):
    """A model card as it was: ``body`` maps each field to its value and source, ``digest`` is SHA-256 of the canonical body.

    Revisions are numbered from 1 and never changed; the card of a version is its highest number.
    """

    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="card_revisions", db_index=False)
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
    """The answers to the risk questionnaire, and the tier they came to. Numbered from 1 for each model; the highest counts.

    ``questionnaire`` is the version that was answered, ``answers`` maps each of its questions to the option chosen,
    ``reasons`` is how the tier followed, in the words of that day.
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
    """A version reached Production or a protected alias: what the conformity pack of that moment has to show.

    Written in the promoting transaction. ``pinned`` names what was true then by number and digest, so that the pack can be
    made a little later. Numbered from 1 for each version; ``event_id`` is the promotion.
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
    """A finished conformity pack. The zip lies in the artifact store under ``digest`` (SHA-256, hex); it never changes."""

    order = models.OneToOneField(PackOrder, on_delete=models.PROTECT, related_name="frozen")
    digest = models.CharField(max_length=64, db_index=True)
    size = models.PositiveBigIntegerField()
    manifest = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(size__gt=0), name="registry_pack_has_bytes")]

    def __str__(self) -> str:
        return f"sha256:{self.digest}"


class Endpoint(models.Model):
    """Something that answers requests, such as `/predict`."""

    name = models.CharField(max_length=255, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class Deployment(models.Model):
    """A rollout of one version to one endpoint: immutable but for its end. ``number`` counts per endpoint."""

    endpoint = models.ForeignKey(Endpoint, on_delete=models.PROTECT, related_name="deployments", db_index=False)
    number = models.PositiveIntegerField()
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="deployments")
    revision = models.CharField(max_length=100, default="", blank=True)
    traffic_percent = models.PositiveSmallIntegerField(default=100)
    environment = models.CharField(max_length=100, default="", blank=True)
    deployed_by = models.CharField(max_length=150)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["endpoint", "number"], name="registry_deployment_number"),
            models.CheckConstraint(condition=Q(traffic_percent__lte=100), name="registry_deployment_traffic"),
        ]
        indexes = [
            models.Index(
                fields=["endpoint", "environment"], name="registry_deployment_live", condition=Q(ended_at__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.endpoint} {self.revision}"

    @property
    def event_object(self) -> EventObject:
        """Return how events name this deployment."""
        return EventObject(deployment_ref(self.endpoint.name, self.number), model_stream(self.version.model_id))
