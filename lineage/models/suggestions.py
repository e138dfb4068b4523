"""Suggested edges that the schedule derived, how far it has come, and the names that it compares.

All of it can be derived again. Decisions on suggestions are kept apart, in SuggestionDecision.
"""

from __future__ import annotations

from django.db import models

from lineage.models.graph import Node, Relation


class SuggestedEdge(models.Model):
    """A likely edge that no run and no person has claimed. Walks, gates and impact never read this table."""

    src = models.ForeignKey(Node, on_delete=models.PROTECT, related_name="+")
    dst = models.ForeignKey(Node, on_delete=models.PROTECT, related_name="+", db_index=False)
    rel = models.SmallIntegerField(choices=Relation)
    method = models.CharField(max_length=30)
    evidence = models.CharField(max_length=1000)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["dst", "src", "rel", "method"], name="lineage_suggested_once"),
            models.CheckConstraint(condition=~models.Q(src=models.F("dst")), name="lineage_suggested_no_loop"),
        ]

    def __str__(self) -> str:
        return f"{self.src_id} → {self.dst_id} by {self.method}"


class SuggestionMark(models.Model):
    """The one row that says up to which node and which edge the schedule has derived suggestions."""

    last_node = models.BigIntegerField(default=0)
    last_edge = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="lineage_suggestion_one_mark")]

    def __str__(self) -> str:
        return f"node {self.last_node}, edge {self.last_edge}"


class SuggestionSeed(models.Model):
    """A node that the schedule must look at again, because of a fact that is neither a node nor an edge."""

    node = models.OneToOneField(Node, on_delete=models.PROTECT, related_name="+")

    def __str__(self) -> str:
        return f"node {self.node_id}"


class DatasetName(models.Model):
    """The keys under which the name of a dataset is compared, "" where it has none (lineage/suggestions/names.py)."""

    node = models.OneToOneField(Node, on_delete=models.PROTECT, related_name="+")
    address = models.CharField(max_length=700, blank=True, db_index=True)
    plain = models.CharField(max_length=300, blank=True, db_index=True)

    def __str__(self) -> str:
        return self.address or self.plain
