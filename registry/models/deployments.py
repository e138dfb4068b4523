"""Endpoints, and the deployments of versions to them."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from core.append_only import AppendOnlyModel
from core.refs import EventObject, deployment_ref, model_stream
from registry.models.versions import ModelVersion


class Endpoint(models.Model):
    """A serving endpoint, such as `/predict`."""

    name = models.CharField(max_length=255, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class Deployment(models.Model):
    """A rollout of one version to one endpoint. Only its end changes. ``number`` counts from 1 for each endpoint.

    ``ended_by`` is empty for a live deployment, and for one that ended before the registry had this column.
    """

    endpoint = models.ForeignKey(Endpoint, on_delete=models.PROTECT, related_name="deployments", db_index=False)
    number = models.PositiveIntegerField()
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="deployments")
    revision = models.CharField(max_length=100, default="", blank=True)
    traffic_percent = models.PositiveSmallIntegerField(default=100)
    environment = models.CharField(max_length=100, default="", blank=True)
    deployed_by = models.CharField(max_length=150)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.CharField(max_length=150, default="", db_default="", blank=True)

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
        """Return the reference for audit events of this deployment."""
        return EventObject(deployment_ref(self.endpoint.name, self.number), model_stream(self.version.model_id))


class ServingAttestation(AppendOnlyModel):
    """The digest of the files that an endpoint says it has loaded, beside the digest of the deployed version."""

    deployment = models.ForeignKey(Deployment, on_delete=models.PROTECT, related_name="attestations")
    digest = models.CharField(max_length=80)
    expected = models.CharField(max_length=80)
    matches = models.BooleanField()
    attested_by = models.CharField(max_length=150)
    attested_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(matches=True, digest=F("expected")) | (Q(matches=False) & ~Q(digest=F("expected"))),
                name="registry_attestation_matches",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.digest} at {self.deployment_id}"
