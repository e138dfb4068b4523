"""Model versions with their stage, tags and aliases."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from core.append_only import AppendOnlyModel
from core.refs import EventObject, model_stream, version_ref
from registry.models.registered import RegisteredModel
from registry.stages import Stage


class ModelVersion(models.Model):
    """One version of a model. Its files never change. Only registry/services/stages.py writes ``stage``.

    ``is_current`` marks the one version that clients of Production load. A superseded version may stay in Production
    until ``archive_after``, or without limit where that is null, but it is never current. ``artifact_path`` is the
    sealed folder and ``artifact_digest`` the digest of its files; both are "" for files on another server.
    ``payload_digest`` is the same for all versions with the same files (tracking/payloads.py), "" without files.
    ``copied_from`` is the version that this one was registered from by `models:/name/version`.
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
    payload_digest = models.CharField(max_length=80, default="", blank=True)
    copied_from = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="copies")
    created_by = models.CharField(max_length=150, default="", blank=True)
    created_ms = models.BigIntegerField()
    updated_ms = models.BigIntegerField()
    # The last change of the stage: who made it and when, and who approved it.
    staged_by = models.CharField(max_length=150, default="", blank=True)
    staged_at = models.DateTimeField(null=True, blank=True)
    approved_by = models.CharField(max_length=500, default="", blank=True)
    approved_at = models.DateTimeField(null=True, blank=True)
    # The last promotion for which every rule had passed that the policy counts as part of a full validation.
    fully_validated_at = models.DateTimeField(null=True, blank=True)
    # The request that approved the stage: {"kind", "request", "earlier_request"}; null where no policy governed the
    # move.
    approval_basis = models.JSONField(null=True, blank=True)
    superseded_at = models.DateTimeField(null=True, blank=True)
    superseded_by = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="supersedes"
    )
    archive_after = models.DateTimeField(null=True, blank=True)
    # Re-review date of a version in Production, where its policy sets one.
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
            models.Index(fields=["logged_model_id"], name="registry_version_logged_model"),
            models.Index(fields=["artifact_path"], name="registry_version_files"),
            models.Index(fields=["payload_digest"], name="registry_version_payload", condition=~Q(payload_digest="")),
            models.Index(
                fields=["archive_after"], name="registry_version_due", condition=Q(archive_after__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model} v{self.version}"

    @property
    def event_object(self) -> EventObject:
        """Return the reference for audit events of this version."""
        return EventObject(version_ref(self.model.name, self.version), model_stream(self.model_id))


class PayloadOrigin(AppendOnlyModel):
    """An earlier origin of a version's files, recorded at its registration: an author, or a run that had the files.

    Authors are the people who registered or uploaded the same files before, for any model. ``name`` is a username or
    the id of a run.
    """

    AUTHOR, RUN = "author", "run"

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="origins", db_index=False)
    kind = models.CharField(max_length=6, choices=[(AUTHOR, AUTHOR), (RUN, RUN)])
    name = models.CharField(max_length=150)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "kind", "name"], name="registry_payloadorigin_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.name} of {self.version_id}"


class ModelVersionTag(models.Model):
    """A key and a text on a model version."""

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
