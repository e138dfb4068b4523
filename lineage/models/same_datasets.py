"""Statements that two names mean one dataset, and the decisions that they do not."""

from __future__ import annotations

from django.db import models

from core.append_only import AppendOnlyModel
from lineage.models.graph import Node


class SameDataset(AppendOnlyModel):
    """An actor's statement that two names mean one dataset. ``dataset`` is the name whose URN sorts first.

    ``how`` is the facet of the event: `symlinks`, or `rename` where the dataset was renamed. A statement counts while
    its actor may see both datasets, and unless the two names were separated.
    """

    SYMLINKS = "symlinks"
    RENAME = "rename"

    dataset = models.ForeignKey(Node, on_delete=models.PROTECT, related_name="+", db_index=False)
    other = models.ForeignKey(Node, on_delete=models.PROTECT, related_name="+")
    how = models.CharField(max_length=10)
    stated_by = models.CharField(max_length=150)
    actor_ref = models.CharField(max_length=100)
    recorded_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["dataset", "other", "actor_ref", "how"], name="lineage_same_dataset_stated_once"
            ),
            models.CheckConstraint(condition=~models.Q(dataset=models.F("other")), name="lineage_same_dataset_two"),
            models.CheckConstraint(condition=models.Q(how__in=["symlinks", "rename"]), name="lineage_same_dataset_how"),
        ]

    def __str__(self) -> str:
        return f"{self.dataset_id} is {self.other_id} by {self.stated_by}"


class SeparatedDatasets(AppendOnlyModel):
    """A person's decision that two names do not mean one dataset. It stays in force, whatever later events say."""

    dataset = models.ForeignKey(Node, on_delete=models.PROTECT, related_name="+", db_index=False)
    other = models.ForeignKey(Node, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=1000)
    separated_by = models.CharField(max_length=150)
    separated_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["dataset", "other"], name="lineage_separated_once"),
            models.CheckConstraint(condition=~models.Q(reason=""), name="lineage_separated_reason"),
            models.CheckConstraint(condition=~models.Q(dataset=models.F("other")), name="lineage_separated_two"),
        ]

    def __str__(self) -> str:
        return f"{self.dataset_id} is not {self.other_id} by {self.separated_by}"
