"""Read-only admin pages of tracking: experiments, runs, logged models, datasets and artifacts."""

from __future__ import annotations

from django.contrib import admin

from audit.admin import ReadOnlyAdmin
from tracking.models import Artifact, Dataset, Experiment, LoggedModel, Run, Seal


@admin.register(Experiment)
class ExperimentAdmin(ReadOnlyAdmin):
    """Experiments, read-only."""

    list_display = ["id", "name", "lifecycle_stage", "created_by"]
    list_filter = ["lifecycle_stage"]
    search_fields = ["name"]


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin):
    """Runs, read-only."""

    list_display = ["id", "name", "experiment", "status", "lifecycle_stage", "created_by"]
    list_filter = ["status", "lifecycle_stage"]
    list_select_related = ["experiment"]
    search_fields = ["id", "name", "created_by"]
    ordering = ["-start_ms"]


@admin.register(LoggedModel)
class LoggedModelAdmin(ReadOnlyAdmin):
    """Logged models, read-only."""

    list_display = ["id", "name", "status", "experiment", "created_by"]
    list_filter = ["status"]
    list_select_related = ["experiment"]
    search_fields = ["id", "name"]
    ordering = ["-created_ms"]


@admin.register(Dataset)
class DatasetAdmin(ReadOnlyAdmin):
    """Datasets that runs read, read-only."""

    list_display = ["name", "digest", "source_type", "experiment"]
    list_select_related = ["experiment"]
    search_fields = ["name", "digest"]


@admin.register(Artifact)
class ArtifactAdmin(ReadOnlyAdmin):
    """Stored artifacts, read-only; sizes in bytes."""

    list_display = ["path", "size", "sha256", "stored_at", "stored_by"]
    search_fields = ["path", "sha256"]
    ordering = ["-id"]


@admin.register(Seal)
class SealAdmin(ReadOnlyAdmin):
    """Seals on artifact folders, read-only."""

    list_display = ["prefix", "digest", "reason", "sealed_at", "erased_at"]
    search_fields = ["prefix", "digest"]
