"""Records of imports: the items that were imported from each server, so that a repeated import continues."""

from __future__ import annotations

from django.db import models


class Origin(models.Model):
    """A server or database that is imported from. ``name`` is its address without credentials."""

    name = models.CharField(max_length=500, unique=True)
    first_import_at = models.DateTimeField(auto_now_add=True)
    last_finished_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name


class ItemKind(models.TextChoices):
    """The kind of an imported item. An item of one of the last five kinds marks a part of another item as complete."""

    EXPERIMENT = "experiment"
    RUN = "run"
    TRACE = "trace"
    LOGGED_MODEL = "logged_model"
    MODEL = "model"
    VERSION = "version"
    HISTORY = "history"  # of a run: its metrics, and its model inputs and outputs
    FILES = "files"  # of a run or a logged model
    ALIASES = "aliases"  # of a registered model
    STAGES = "stages"  # of a registered model
    GOVERNANCE = "governance"  # of a registered model: permissions, requests and comments of a workspace


class Item(models.Model):
    """One imported item: its id in the source, and its id here. It is written in the transaction of the import."""

    origin = models.ForeignKey(Origin, on_delete=models.CASCADE, related_name="items", db_index=False)
    kind = models.CharField(max_length=12, choices=ItemKind)
    source_id = models.CharField(max_length=300)
    target_id = models.CharField(max_length=300)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["origin", "kind", "source_id"], name="importing_item_identity")]

    def __str__(self) -> str:
        return f"{self.kind} {self.source_id}"
