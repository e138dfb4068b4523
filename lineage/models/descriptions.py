"""Descriptions of dataset versions in Croissant documents, and the files that they list with their SHA-256."""

from __future__ import annotations

from django.db import models

from core.append_only import AppendOnlyModel
from lineage.models.graph import Node


class DatasetDescription(AppendOnlyModel):
    """An actor's statement that a version of a dataset has certain contents, with the document that says so.

    ``version`` is "" where the document names none: then the digest names it. ``digest`` is the SHA-256 of the
    contents in hexadecimal, "" where a file has no SHA-256. ``body`` is the document as JSON, ``sha256`` its digest.
    """

    dataset = models.ForeignKey(Node, on_delete=models.PROTECT, related_name="descriptions", db_index=False)
    version = models.CharField(max_length=255, default="", blank=True)
    digest = models.CharField(max_length=64, default="", blank=True)
    sha256 = models.CharField(max_length=64)
    body = models.TextField()
    described_by = models.CharField(max_length=150)
    actor_ref = models.CharField(max_length=100)
    recorded_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["dataset", "version", "sha256"], name="lineage_description_once"),
            models.CheckConstraint(
                condition=~models.Q(version="") | ~models.Q(digest=""), name="lineage_description_names_a_version"
            ),
        ]
        indexes = [
            models.Index(fields=["digest"], name="lineage_description_digest", condition=~models.Q(digest="")),
        ]

    def __str__(self) -> str:
        return f"{self.dataset_id} {self.version or self.digest} by {self.described_by}"


class DatasetFile(AppendOnlyModel):
    """A file of a described version; ``sha256`` is "" where the document has none, ``size`` as the document has it."""

    description = models.ForeignKey(DatasetDescription, on_delete=models.PROTECT, related_name="files")
    name = models.CharField(max_length=500)
    sha256 = models.CharField(max_length=64, default="", blank=True)
    size = models.CharField(max_length=50, default="", blank=True)
    url = models.CharField(max_length=1000, default="", blank=True)

    class Meta:
        indexes = [models.Index(fields=["sha256"], name="lineage_file_digest", condition=~models.Q(sha256=""))]

    def __str__(self) -> str:
        return f"{self.name} {self.sha256}"
