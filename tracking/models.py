"""What a run logged, in MLflow's terms. Times ending in ``_ms`` are milliseconds since 1970 (the protocol's int64)."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from core.append_only import AppendOnlyModel
from tracking.prefix import indexed


class Lifecycle(models.TextChoices):
    """Deleting is soft: rows stay for the evidence."""

    ACTIVE = "active"
    DELETED = "deleted"


class RunStatus(models.TextChoices):
    """RunStatus of the protocol, by name."""

    RUNNING = "RUNNING"
    SCHEDULED = "SCHEDULED"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"


class Experiment(models.Model):
    """A named group of runs. Id 0, "Default", exists from the start."""

    name = models.CharField(max_length=500, unique=True)
    artifact_location = models.CharField(max_length=1000, default="", blank=True)
    lifecycle_stage = models.CharField(max_length=8, choices=Lifecycle, default=Lifecycle.ACTIVE)
    created_ms = models.BigIntegerField()
    updated_ms = models.BigIntegerField()
    created_by = models.CharField(max_length=150, default="", blank=True)

    def __str__(self) -> str:
        return self.name


class ExperimentTag(models.Model):
    experiment = models.ForeignKey(Experiment, on_delete=models.CASCADE, related_name="tags", db_index=False)
    key = models.CharField(max_length=250)
    value = models.TextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["experiment", "key"], name="tracking_experimenttag_key")]

    def __str__(self) -> str:
        return f"{self.key}={self.value}"


class Run(models.Model):
    """One training or evaluation. ``created_by`` is the authenticated user; ``user_id`` is what the client claims."""

    id = models.CharField(max_length=32, primary_key=True)
    experiment = models.ForeignKey(Experiment, on_delete=models.PROTECT, related_name="runs", db_index=False)
    name = models.CharField(max_length=250, default="", blank=True)
    user_id = models.CharField(max_length=256, default="", blank=True)
    created_by = models.CharField(max_length=150, default="", blank=True)
    status = models.CharField(max_length=9, choices=RunStatus, default=RunStatus.RUNNING)
    start_ms = models.BigIntegerField(default=0)
    end_ms = models.BigIntegerField(null=True, blank=True)
    lifecycle_stage = models.CharField(max_length=8, choices=Lifecycle, default=Lifecycle.ACTIVE)
    artifact_uri = models.CharField(max_length=1000)

    class Meta:
        indexes = [
            models.Index(fields=["experiment", "lifecycle_stage", "-start_ms", "id"], name="tracking_run_list"),
        ]

    def __str__(self) -> str:
        return self.name or self.id


class Param(models.Model):
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="params", db_index=False)
    key = models.CharField(max_length=250)
    value = models.TextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "key"], name="tracking_param_key")]
        indexes = [models.Index("key", indexed("value"), name="tracking_param_value")]

    def __str__(self) -> str:
        return f"{self.key}={self.value}"


class RunWriter(AppendOnlyModel):
    """Somebody besides the run's creator who logged to it: what a run says is evidence, and they had a hand in it."""

    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="writers", db_index=False)
    name = models.CharField(max_length=150)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "name"], name="tracking_runwriter_once")]

    def __str__(self) -> str:
        return f"{self.name} wrote to {self.run_id}"


class RunTag(models.Model):
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="tags", db_index=False)
    key = models.CharField(max_length=250)
    value = models.TextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "key"], name="tracking_runtag_key")]
        indexes = [models.Index("key", indexed("value"), name="tracking_runtag_value")]

    def __str__(self) -> str:
        return f"{self.key}={self.value}"


class MetricFields(models.Model):
    """A measured value. NaN is kept as ``is_nan`` with value 0, so that it sorts and compares the same everywhere."""

    key = models.CharField(max_length=250)
    value = models.FloatField()
    is_nan = models.BooleanField(default=False)
    timestamp_ms = models.BigIntegerField()
    step = models.BigIntegerField(default=0)
    model_id = models.CharField(max_length=40, default="", blank=True)
    dataset_name = models.CharField(max_length=500, default="", blank=True)
    dataset_digest = models.CharField(max_length=64, default="", blank=True)

    class Meta:
        abstract = True


class Metric(MetricFields):
    """Every value ever logged (the history)."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="metrics", db_index=False)

    class Meta:
        # The same point sent twice (a retried request) is one point. Also the index of the history.
        constraints = [
            models.UniqueConstraint(
                fields=["run", "key", "step", "timestamp_ms", "value", "is_nan", "model_id"],
                name="tracking_metric_point",
            ),
        ]
        indexes = [
            models.Index(fields=["model_id"], name="tracking_metric_model", condition=~Q(model_id="")),
        ]

    def __str__(self) -> str:
        return f"{self.key}={self.value}"


class LatestMetric(MetricFields):
    """The value that counts for each key: latest by (step, timestamp, value)."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="latest_metrics", db_index=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "key"], name="tracking_latestmetric_key")]

    def __str__(self) -> str:
        return f"{self.key}={self.value}"


class Dataset(models.Model):
    """A dataset as a run logged it with log-inputs; name and digest identify it within an experiment."""

    experiment = models.ForeignKey(Experiment, on_delete=models.CASCADE, related_name="datasets", db_index=False)
    name = models.CharField(max_length=500)
    digest = models.CharField(max_length=36)
    source_type = models.CharField(max_length=36)
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
    """A dataset a run read. ``tags`` holds the input tags, `mlflow.data.context` among them."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="dataset_inputs", db_index=False)
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="uses")
    context = models.CharField(max_length=500, default="", blank=True)
    tags = models.JSONField(default=dict, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "dataset"], name="tracking_runinput_pair")]

    def __str__(self) -> str:
        return f"{self.dataset_id} → {self.run_id}"


class LoggedModelStatus(models.TextChoices):
    """LoggedModelStatus of the protocol, by name."""

    UNSPECIFIED = "LOGGED_MODEL_STATUS_UNSPECIFIED"
    PENDING = "LOGGED_MODEL_PENDING"
    READY = "LOGGED_MODEL_READY"
    UPLOAD_FAILED = "LOGGED_MODEL_UPLOAD_FAILED"


class LoggedModel(models.Model):
    """A model as a run logged it (MLflow 3): ``m-`` and 32 hex digits."""

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

    def __str__(self) -> str:
        return self.id


class LoggedModelParam(models.Model):
    model = models.ForeignKey(LoggedModel, on_delete=models.CASCADE, related_name="params", db_index=False)
    key = models.CharField(max_length=250)
    value = models.TextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["model", "key"], name="tracking_loggedmodelparam_key")]

    def __str__(self) -> str:
        return f"{self.key}={self.value}"


class LoggedModelTag(models.Model):
    model = models.ForeignKey(LoggedModel, on_delete=models.CASCADE, related_name="tags", db_index=False)
    key = models.CharField(max_length=250)
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


class Artifact(models.Model):
    """A file by the path its client gave it. The path is only a key: bytes lie under their SHA-256."""

    path = models.CharField(max_length=1000, unique=True)
    parent = models.CharField(max_length=1000, db_index=True)
    sha256 = models.CharField(max_length=64, db_index=True)
    size = models.BigIntegerField()
    stored_at = models.DateTimeField(auto_now=True)
    stored_by = models.CharField(max_length=150, default="", blank=True)

    def __str__(self) -> str:
        return self.path


class Seal(models.Model):
    """A folder whose files can no longer change, because a registered version stands on them."""

    prefix = models.CharField(max_length=1000, unique=True)
    digest = models.CharField(max_length=80)
    manifest = models.JSONField(default=list)  # [[path below the prefix, SHA-256, size], …] as sealed
    # usernames of those who sent the files: whoever sent a model's bytes had a hand in it
    stored_by = models.JSONField(default=list)
    reason = models.CharField(max_length=700)
    sealed_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.prefix


class MultipartUpload(models.Model):
    """A file that a client sends in parts to the store itself. The row stays for a day, for a client that asks again."""

    id = models.CharField(max_length=32, primary_key=True)
    path = models.CharField(max_length=1000)
    key = models.CharField(max_length=1100)  # where the store assembles it
    store_upload_id = models.TextField()
    parts = models.IntegerField()
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)
    created_by = models.CharField(max_length=150)  # the reference of the actor
    claimed_until = models.DateTimeField(null=True, blank=True)  # somebody is reading it to know its digest
    sha256 = models.CharField(max_length=64, default="", blank=True)  # once it is complete

    def __str__(self) -> str:
        return f"{self.id} → {self.path}"
