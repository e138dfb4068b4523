"""Artifacts: stored files, sealed folders and uploads in parts."""

from __future__ import annotations

from django.db import models


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
    """A folder whose files can no longer change, because a registered version uses them."""

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
