"""Artifacts: stored files, sealed folders and uploads in parts."""

from __future__ import annotations

from django.db import models

from core.append_only import AppendOnlyModel


class Artifact(models.Model):
    """A file under the path its client gave it. The path is only a key: bytes are stored under their SHA-256."""

    path = models.CharField(max_length=1000, unique=True)
    parent = models.CharField(max_length=1000, db_index=True)
    sha256 = models.CharField(max_length=64, db_index=True)
    size = models.BigIntegerField()
    stored_at = models.DateTimeField(auto_now=True)
    stored_by = models.CharField(max_length=150, default="", blank=True)

    def __str__(self) -> str:
        return self.path


class Seal(models.Model):
    """A folder whose files can no longer change, because a registered version uses them.

    ``erased_at`` is when an operator erased the files, after every version that used them was deleted. The seal stays:
    it is the record of what was there, and nothing else can take its place.
    """

    prefix = models.CharField(max_length=1000, unique=True)
    digest = models.CharField(max_length=80)
    manifest = models.JSONField(default=list)  # [[path below the prefix, SHA-256, size], …] as sealed
    # usernames of those who sent the files: the sender of a model's bytes is one of its authors
    stored_by = models.JSONField(default=list)
    reason = models.CharField(max_length=700)
    sealed_at = models.DateTimeField(auto_now_add=True)
    erased_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.prefix


class SentFile(AppendOnlyModel):
    """The sender of a file's bytes to a run or logged model, whose id is ``origin``.

    The row stays when the file is replaced or deleted: the sender of the bytes of a model is an author of every version
    that is registered from them later.
    """

    sha256 = models.CharField(max_length=64)
    origin = models.CharField(max_length=100)
    name = models.CharField(max_length=150)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["sha256", "origin", "name"], name="tracking_sentfile_once")]

    def __str__(self) -> str:
        return f"{self.name} sent {self.sha256} to {self.origin}"


class MultipartUpload(models.Model):
    """A file that a client sends in parts to the store itself.

    The row stays for a day, for a client that asks again.
    """

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
