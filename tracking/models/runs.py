"""Runs: their params, tags, writers and the datasets they read."""

from __future__ import annotations

from django.db import models

from core.append_only import AppendOnlyModel
from tracking.models.experiments import Experiment, Lifecycle
from tracking.prefix import indexed


class RunStatus(models.TextChoices):
    """RunStatus of the protocol, by name."""

    RUNNING = "RUNNING"
    SCHEDULED = "SCHEDULED"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"


class Run(models.Model):
    """One training or evaluation. ``created_by`` is the authenticated user, ``user_id`` the name that the client sent.

    ``is_registered``: a model version was registered from it, so changes may need more than a right to the run.
    """

    id = models.CharField(max_length=32, primary_key=True)
    experiment = models.ForeignKey(Experiment, on_delete=models.PROTECT, related_name="runs", db_index=False)
    name = models.CharField(max_length=8000, default="", blank=True)
    user_id = models.CharField(max_length=256, default="", blank=True)
    created_by = models.CharField(max_length=150, default="", blank=True)
    status = models.CharField(max_length=9, choices=RunStatus, default=RunStatus.RUNNING)
    start_ms = models.BigIntegerField(default=0)
    end_ms = models.BigIntegerField(null=True, blank=True)
    lifecycle_stage = models.CharField(max_length=8, choices=Lifecycle, default=Lifecycle.ACTIVE)
    # Deleted by the deletion of its experiment, so restoring that brings it back.
    deleted_with_experiment = models.BooleanField(default=False)
    artifact_uri = models.CharField(max_length=1000)
    is_registered = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(deleted_with_experiment=False) | models.Q(lifecycle_stage=Lifecycle.DELETED),
                name="tracking_run_deleted_with_experiment",
            ),
        ]
        indexes = [
            models.Index(fields=["experiment", "lifecycle_stage", "-start_ms", "id"], name="tracking_run_list"),
            models.Index(fields=["lifecycle_stage", "-start_ms", "id"], name="tracking_run_newest"),
        ]

    def __str__(self) -> str:
        return self.name or self.id


class Param(models.Model):
    """A parameter of a run. Its value is written once: another value for the same key is refused."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="params", db_index=False)
    key = models.CharField(max_length=250)
    value = models.TextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "key"], name="tracking_param_key")]
        indexes = [models.Index("key", indexed("value"), name="tracking_param_value")]

    def __str__(self) -> str:
        return f"{self.key}={self.value}"


class RunWriter(AppendOnlyModel):
    """Somebody besides the run's creator who logged to it, and so counts as an author of its evidence."""

    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="writers", db_index=False)
    name = models.CharField(max_length=150)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "name"], name="tracking_runwriter_once")]

    def __str__(self) -> str:
        return f"{self.name} wrote to {self.run_id}"


class RunTag(models.Model):
    """A key and a text on a run. Keys that begin with `mlflow.` are system tags, written by clients."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="tags", db_index=False)
    key = models.CharField(max_length=250)
    value = models.TextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "key"], name="tracking_runtag_key")]
        indexes = [models.Index("key", indexed("value"), name="tracking_runtag_value")]

    def __str__(self) -> str:
        return f"{self.key}={self.value}"


class Dataset(models.Model):
    """A dataset as a run logged it with log-inputs; name and digest identify it within an experiment."""

    experiment = models.ForeignKey(Experiment, on_delete=models.CASCADE, related_name="datasets", db_index=False)
    name = models.CharField(max_length=500)
    digest = models.CharField(max_length=36)
    source_type = models.CharField(max_length=500)
    source = models.TextField()
    schema = models.TextField(default="", blank=True)
    profile = models.TextField(default="", blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["experiment", "name", "digest"], name="tracking_dataset_identity"),
        ]

    def __str__(self) -> str:
        return f"{self.name}@{self.digest}"


class RunInput(models.Model):
    """A dataset a run read. ``tags`` holds the input tags, `mlflow.data.context` among them.

    ``source_type``, ``source``, ``schema`` and ``profile`` are the values that this run logged, None where they equal
    those of the dataset.
    """

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="dataset_inputs", db_index=False)
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="uses")
    context = models.CharField(max_length=500, default="", blank=True)
    tags = models.JSONField(default=dict, blank=True)
    source_type = models.CharField(max_length=500, null=True, blank=True)
    source = models.TextField(null=True, blank=True)
    schema = models.TextField(null=True, blank=True)
    profile = models.TextField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "dataset", "context"], name="tracking_runinput_use"),
        ]

    def __str__(self) -> str:
        return f"{self.dataset_id} → {self.run_id}"
