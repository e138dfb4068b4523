"""Registered models, their tags, and the grants of users and groups on them."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from guardian.models import GroupObjectPermissionBase, UserObjectPermissionBase

from core.refs import EventObject, model_ref, model_stream


class RegisteredModel(models.Model):
    """A registered model: a name with numbered versions. ``created_by`` is the username at that time.

    ``name_key`` is the name without differences that a reader could overlook (registry/names.py). It is unique among
    models that are not deleted.
    """

    name = models.CharField(max_length=256)
    name_key = models.CharField(max_length=256)
    description = models.TextField(default="", blank=True)
    created_by = models.CharField(max_length=150, default="", blank=True)
    created_ms = models.BigIntegerField()
    updated_ms = models.BigIntegerField()
    # The number of a deleted version is not used again.
    last_version = models.PositiveIntegerField(default=0)
    # Deleted models are kept, because requests, reviews and events refer to them.
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
        """Return the reference for audit events of this model."""
        return EventObject(model_ref(self.name), model_stream(self.pk))


class ModelUserGrant(UserObjectPermissionBase):
    """A user's permission on one model; registry/permissions.py reads and writes it."""

    content_object = models.ForeignKey(RegisteredModel, on_delete=models.CASCADE)


class ModelGroupGrant(GroupObjectPermissionBase):
    """A group's permission on one model; registry/permissions.py reads and writes it."""

    content_object = models.ForeignKey(RegisteredModel, on_delete=models.CASCADE)


class RegisteredModelTag(models.Model):
    """A key and a text on a registered model."""

    model = models.ForeignKey(RegisteredModel, on_delete=models.CASCADE, related_name="tags", db_index=False)
    key = models.CharField(max_length=250)
    value = models.TextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["model", "key"], name="registry_modeltag_key")]

    def __str__(self) -> str:
        return f"{self.key}={self.value}"
