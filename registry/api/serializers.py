"""Serializers of the registry for /api/v1. Times are ISO 8601 in UTC; digests are `sha256:` and hex."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core.ids import whole_number
from core.rest import PeriodQuery
from core.times import from_ms, iso_utc
from registry.models import Deployment, ModelVersion, RegisteredModel
from registry.production.history import Period
from registry.sources import download_uri
from registry.stages import Stage


@extend_schema_field(OpenApiTypes.DATETIME)
class FromMilliseconds(serializers.Field[int, Any, str, Any]):
    """A time that the protocol keeps as milliseconds since 1970."""

    def to_representation(self, value: int) -> str:
        """Return the time as ISO 8601 in UTC."""
        return iso_utc(from_ms(value))


class VersionSerializer(serializers.Serializer[ModelVersion]):
    """A model version."""

    model = serializers.CharField(source="model.name")
    version = serializers.IntegerField()
    stage = serializers.CharField()
    is_current = serializers.BooleanField(help_text="Whether readers of Production get this version.")
    description = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]  # the name in the API; the shadowed attribute is not used
    run_id = serializers.CharField()
    run_link = serializers.CharField()
    digest = serializers.CharField(source="artifact_digest")
    payload_digest = serializers.CharField(
        help_text="The same for every version with the same model files, under any name; empty without files."
    )
    download_uri = serializers.SerializerMethodField()
    tags = serializers.SerializerMethodField()
    aliases = serializers.SerializerMethodField()
    created_by = serializers.CharField()
    created_at = FromMilliseconds(source="created_ms")
    staged_by = serializers.CharField()
    staged_at = serializers.DateTimeField(allow_null=True)
    approved_by = serializers.CharField()
    approved_at = serializers.DateTimeField(allow_null=True)
    approval_basis = serializers.JSONField(
        allow_null=True, help_text="The request that approved its stage; null where no policy governed the move."
    )
    superseded_at = serializers.DateTimeField(allow_null=True)
    superseded_by = serializers.SerializerMethodField()
    archive_after = serializers.DateTimeField(allow_null=True)
    review_due_at = serializers.DateTimeField(allow_null=True, help_text="When its re-review is due; null for never.")

    def get_download_uri(self, version: ModelVersion) -> str:
        """Return the URI that the version's files are loaded from."""
        return download_uri(version)

    def get_tags(self, version: ModelVersion) -> dict[str, str]:
        """Return the tags, value by key."""
        return {tag.key: tag.value for tag in version.tags.all()}

    def get_aliases(self, version: ModelVersion) -> list[str]:
        """Return the names of the aliases that point to the version, sorted."""
        return sorted(alias.name for alias in version.aliases.all())

    def get_superseded_by(self, version: ModelVersion) -> int | None:
        """Return the number of the version that replaced this one in Production, None where there is none."""
        return version.superseded_by.version if version.superseded_by else None


class ModelSerializer(serializers.Serializer[RegisteredModel]):
    """A registered model; ``context["latest"]`` has the latest version of each stage, by model id."""

    name = serializers.CharField()
    description = serializers.CharField()
    tags = serializers.SerializerMethodField()
    aliases = serializers.SerializerMethodField()
    created_by = serializers.CharField()
    created_at = FromMilliseconds(source="created_ms")
    updated_at = FromMilliseconds(source="updated_ms")
    last_version = serializers.IntegerField()
    latest_versions = serializers.SerializerMethodField(help_text="The latest version of each stage, by stage.")

    def get_tags(self, model: RegisteredModel) -> dict[str, str]:
        """Return the tags, value by key."""
        return {tag.key: tag.value for tag in model.tags.all()}

    def get_aliases(self, model: RegisteredModel) -> dict[str, int]:
        """Return the number of the version that each alias points to."""
        return {alias.name: alias.version.version for alias in model.aliases.all()}

    def get_latest_versions(self, model: RegisteredModel) -> dict[str, int]:
        """Return the number of the latest version of each stage."""
        latest: list[ModelVersion] = self.context["latest"].get(model.pk, [])
        return {version.stage: version.version for version in latest}


class DeploymentSerializer(serializers.Serializer[Deployment]):
    """A rollout of a version to an endpoint. ``number`` counts the endpoint's deployments from 1."""

    id = serializers.IntegerField()
    endpoint = serializers.CharField(source="endpoint.name")
    number = serializers.IntegerField()
    model = serializers.CharField(source="version.model.name")
    version = serializers.IntegerField(source="version.version")
    digest = serializers.CharField(source="version.artifact_digest")
    revision = serializers.CharField()
    traffic_percent = serializers.IntegerField()
    environment = serializers.CharField()
    deployed_by = serializers.CharField()
    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)


@extend_schema_field(OpenApiTypes.STR)
class VersionOrProduction(serializers.Field[int | None, int | str, Any, Any]):
    """A version number, or the word "production" for the current Production version (internally None)."""

    def to_internal_value(self, data: int | str) -> int | None:
        """Return the version number, None for "production". Raises ValidationError for anything else."""
        if isinstance(data, str) and data.lower() == "production":
            return None
        if isinstance(data, str) and (number := whole_number(data)) is not None:
            return number
        if isinstance(data, int) and not isinstance(data, bool):
            return data
        msg = 'Give a version number, or "production".'
        raise serializers.ValidationError(msg)


class DeploySerializer(serializers.Serializer[Any]):
    """Body of a call with which a serving platform reports a rollout."""

    endpoint = serializers.CharField(max_length=255)
    model = serializers.CharField(max_length=256, trim_whitespace=False)
    version = VersionOrProduction()
    revision = serializers.CharField(max_length=100, default="", allow_blank=True)
    traffic_percent = serializers.IntegerField(min_value=0, max_value=100, default=100)
    environment = serializers.CharField(max_length=100, default="", allow_blank=True)


class ModelListSerializer(PeriodQuery):
    """Query parameters of a list of models; ``since`` and ``until`` are about their last change."""

    q = serializers.CharField(default="", allow_blank=True, max_length=256, help_text="Part of the name.")


class VersionListSerializer(PeriodQuery):
    """Query parameters of a list of versions; ``since`` and ``until`` are about their registration."""

    stage = serializers.ChoiceField(choices=Stage.values, required=False)
    created_by = serializers.CharField(required=False, max_length=150)


class DeploymentListSerializer(PeriodQuery):
    """Query parameters of a list of deployments; ``since`` and ``until`` are about their start."""

    endpoint = serializers.CharField(required=False, max_length=255)
    model = serializers.CharField(required=False, max_length=256, trim_whitespace=False)
    version = serializers.IntegerField(required=False, min_value=1, max_value=2**31 - 1)
    environment = serializers.CharField(required=False, max_length=100)
    deployed_by = serializers.CharField(required=False, max_length=150)
    live = serializers.BooleanField(
        required=False, allow_null=True, default=None, help_text="true: running; false: ended."
    )


class DiffQuery(serializers.Serializer[Any]):
    """Query parameters of a difference: the URNs of two model versions or runs."""

    a = serializers.CharField(max_length=700)
    b = serializers.CharField(max_length=700)


def period_json(period: Period) -> dict[str, Any]:
    """Return a period of the history of Production as JSON values."""
    return {
        "version": period.version,
        "since": period.since,
        "until": period.until,
        "approved_by": period.approved_by,
        "moved_by": period.moved_by,
        "reason": period.reason,
        "event": period.event_id,
    }
