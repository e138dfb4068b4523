"""OpenLineage: the events as they were received, and the merged facts of jobs, runs and datasets."""

from __future__ import annotations

from django.db import models

from core.append_only import AppendOnlyModel
from lineage.models.graph import Node


class LineageEvent(AppendOnlyModel):
    """An OpenLineage event as it was received, as canonical JSON.

    ``subject`` is the URN of the run, or the name of the job or dataset that the event is about. ``problem`` lists the
    parts of the event that could not be read, "" where there are none.
    """

    sha256 = models.CharField(max_length=64, unique=True)
    body = models.TextField()
    subject = models.CharField(max_length=700, db_index=True)
    event_time = models.DateTimeField(db_index=True)
    problem = models.CharField(max_length=500, default="", blank=True)
    sent_by = models.CharField(max_length=150)
    actor_ref = models.CharField(max_length=100, db_index=True)
    received_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.subject} at {self.event_time}"


class Job(models.Model):
    """A job of OpenLineage. ``merged`` is the state that its JobEvents declare (lineage/openlineage/merge.py)."""

    namespace = models.CharField(max_length=500)
    name = models.CharField(max_length=500)
    merged = models.TextField(default="{}", blank=True)  # JSON; jsonb cannot hold every text of an event
    recorded_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["namespace", "name"], name="lineage_job_once")]

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class JobRun(models.Model):
    """A run that OpenLineage events are about: the state merged from all of them, and who sends them.

    Only ``actor_ref`` and superusers may add to the run. ``shape`` is the digest of the facts that the edges were
    derived from. ``pairs`` are the ids of the edges between dataset versions that this run declared.
    """

    node = models.OneToOneField(Node, on_delete=models.PROTECT, related_name="job_run")
    job = models.ForeignKey(Job, null=True, on_delete=models.PROTECT, related_name="runs")
    merged = models.TextField(default="{}", blank=True)  # JSON; jsonb cannot hold every text of an event
    shape = models.CharField(max_length=64, default="", blank=True)
    pairs = models.JSONField(default=list, blank=True)
    sent_by = models.CharField(max_length=150)
    actor_ref = models.CharField(max_length=100)

    def __str__(self) -> str:
        return f"run {self.node_id}"


class DatasetFacts(models.Model):
    """OpenLineage facts of a dataset: its namespace and name in the events, and the newest of each facet."""

    node = models.OneToOneField(Node, on_delete=models.PROTECT, related_name="facts")
    namespace = models.CharField(max_length=500)
    name = models.CharField(max_length=500)
    merged = models.TextField(default="{}", blank=True)  # JSON; jsonb cannot hold every text of an event

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class JobDataset(models.Model):
    """A dataset that a job reads (``direction`` "in") or writes ("out") according to its events."""

    job = models.ForeignKey(Job, on_delete=models.PROTECT, related_name="datasets")
    dataset = models.ForeignKey(Node, on_delete=models.PROTECT, related_name="jobs")
    direction = models.CharField(max_length=3)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "dataset", "direction"], name="lineage_job_dataset")]

    def __str__(self) -> str:
        return f"{self.job_id} {self.direction} {self.dataset_id}"
