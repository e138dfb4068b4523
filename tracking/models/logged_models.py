"""Logged models (MLflow 3), their params and tags, and the runs that read or wrote them."""

from __future__ import annotations

from django.db import models

from tracking.models.experiments import Experiment, Lifecycle
from tracking.models.runs import Run


class LoggedModelStatus(models.TextChoices):
    """LoggedModelStatus of the protocol, by name."""

    UNSPECIFIED = "LOGGED_MODEL_STATUS_UNSPECIFIED"
    PENDING = "LOGGED_MODEL_PENDING"
    READY = "LOGGED_MODEL_READY"
    UPLOAD_FAILED = "LOGGED_MODEL_UPLOAD_FAILED"


class LoggedModel(models.Model):
    """A model as a run logged it (MLflow 3). Its id is ``m-`` and 32 hex digits.

    ``is_registered``: a model version was registered from it.
    """

    id = models.CharField(max_length=40, primary_key=True)
    experiment = models.ForeignKey(Experiment, on_delete=models.PROTECT, related_name="logged_models")
    name = models.CharField(max_length=500)
    model_type = models.CharField(max_length=500, default="", blank=True)
    source_run = models.ForeignKey(
        Run, null=True, blank=True, on_delete=models.PROTECT, related_name="logged_models", db_constraint=False
    )
    status = models.CharField(max_length=32, choices=LoggedModelStatus, default=LoggedModelStatus.PENDING)
    lifecycle_stage = models.CharField(max_length=8, choices=Lifecycle, default=Lifecycle.ACTIVE)
    created_ms = models.BigIntegerField()
    updated_ms = models.BigIntegerField()
    created_by = models.CharField(max_length=150, default="", blank=True)
    artifact_uri = models.CharField(max_length=1000)
    is_registered = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.id


class LoggedModelParam(models.Model):
    """A parameter of a logged model.

    Its value is written once, as a run's is. On PostgreSQL the key is unique by its MD5.
    """

    model = models.ForeignKey(LoggedModel, on_delete=models.CASCADE, related_name="params", db_index=False)
    key = models.TextField()
    value = models.TextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["model", "key"], name="tracking_loggedmodelparam_key")]

    def __str__(self) -> str:
        return f"{self.key}={self.value}"


class LoggedModelTag(models.Model):
    """A key and a text on a logged model. On PostgreSQL the key is unique by its MD5."""

    model = models.ForeignKey(LoggedModel, on_delete=models.CASCADE, related_name="tags", db_index=False)
    key = models.TextField()
    value = models.TextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["model", "key"], name="tracking_loggedmodeltag_key")]

    def __str__(self) -> str:
        return f"{self.key}={self.value}"


class RunModel(models.Model):
    """A logged model that a run read (`input`) or wrote (`output`, at a step)."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="model_links", db_index=False)
    model = models.ForeignKey(LoggedModel, on_delete=models.PROTECT, related_name="run_links")
    direction = models.CharField(max_length=6, choices=[("input", "input"), ("output", "output")])
    step = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "model", "direction"], name="tracking_runmodel_link")]

    def __str__(self) -> str:
        return f"{self.run_id} {self.direction} {self.model_id}"
