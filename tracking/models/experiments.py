"""Experiments, and the lifecycle stage of an experiment or run."""

from __future__ import annotations

from django.db import models


class Lifecycle(models.TextChoices):
    """The lifecycle stage of an experiment, run or logged model. Deleted rows stay in the database as evidence."""

    ACTIVE = "active"
    DELETED = "deleted"


class Experiment(models.Model):
    """A named group of runs. Id 0, "Default", exists from the start."""

    name = models.CharField(max_length=500, unique=True)
    artifact_location = models.CharField(max_length=1000, default="", blank=True)
    lifecycle_stage = models.CharField(max_length=8, choices=Lifecycle, default=Lifecycle.ACTIVE)
    created_ms = models.BigIntegerField()
    updated_ms = models.BigIntegerField()
    created_by = models.CharField(max_length=150, default="", blank=True)

    class Meta:
        indexes = [models.Index(fields=["artifact_location"], name="tracking_experiment_location")]

    def __str__(self) -> str:
        return self.name


class ExperimentTag(models.Model):
    """A key and a text on an experiment."""

    experiment = models.ForeignKey(Experiment, on_delete=models.CASCADE, related_name="tags", db_index=False)
    key = models.CharField(max_length=250)
    value = models.TextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["experiment", "key"], name="tracking_experimenttag_key")]

    def __str__(self) -> str:
        return f"{self.key}={self.value}"
