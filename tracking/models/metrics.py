"""Metric values: the whole history of a run, and the latest value of each key."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from tracking.models.runs import Run


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
        indexes = [
            # The best runs by a metric (tracking/search/order.py).
            models.Index(fields=["key", "value", "run"], name="tracking_latestmetric_best", condition=Q(is_nan=False)),
        ]

    def __str__(self) -> str:
        return f"{self.key}={self.value}"
