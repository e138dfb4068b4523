"""Read-only admin pages of the registry. Stages, aliases and cards change only through services."""

from __future__ import annotations

from django.contrib import admin

from audit.admin import ReadOnlyAdmin
from registry.models import (
    Alias,
    CardRevision,
    Deployment,
    Endpoint,
    FrozenPack,
    ModelVersion,
    RegisteredModel,
    RiskAssessment,
)


@admin.register(RegisteredModel)
class RegisteredModelAdmin(ReadOnlyAdmin):
    """Registered models, read-only."""

    list_display = ["name", "created_by", "last_version", "deleted_at"]
    search_fields = ["name"]


@admin.register(ModelVersion)
class ModelVersionAdmin(ReadOnlyAdmin):
    """Model versions, read-only."""

    list_display = ["model", "version", "stage", "is_current", "created_by", "artifact_digest", "deleted_at"]
    list_filter = ["stage", "is_current"]
    list_select_related = ["model"]
    search_fields = ["model__name", "run_id", "artifact_digest"]
    ordering = ["-id"]


@admin.register(Alias)
class AliasAdmin(ReadOnlyAdmin):
    """Aliases, read-only."""

    list_display = ["model", "name", "version"]
    list_select_related = ["model", "version__model"]
    search_fields = ["name", "model__name"]


@admin.register(CardRevision)
class CardRevisionAdmin(ReadOnlyAdmin):
    """Revisions of model cards, read-only."""

    list_display = ["version", "number", "author", "created_at", "digest"]
    list_select_related = ["version__model"]
    search_fields = ["version__model__name", "author", "digest"]
    ordering = ["-id"]


@admin.register(RiskAssessment)
class RiskAssessmentAdmin(ReadOnlyAdmin):
    """Risk assessments, read-only."""

    list_display = ["model", "number", "tier", "score", "author", "created_at"]
    list_filter = ["tier"]
    list_select_related = ["model"]
    search_fields = ["model__name", "author"]
    ordering = ["-id"]


@admin.register(FrozenPack)
class FrozenPackAdmin(ReadOnlyAdmin):
    """Finished conformity packs, read-only."""

    list_display = ["order", "digest", "size", "created_at"]
    list_select_related = ["order"]
    search_fields = ["digest", "order__version__model__name"]
    ordering = ["-id"]


@admin.register(Endpoint)
class EndpointAdmin(ReadOnlyAdmin):
    """Serving endpoints, read-only."""

    list_display = ["name", "created_at"]
    search_fields = ["name"]


@admin.register(Deployment)
class DeploymentAdmin(ReadOnlyAdmin):
    """Deployments of versions to endpoints, read-only."""

    list_display = ["endpoint", "number", "version", "revision", "traffic_percent", "started_at", "ended_at"]
    list_select_related = ["endpoint", "version__model"]
    ordering = ["-id"]
